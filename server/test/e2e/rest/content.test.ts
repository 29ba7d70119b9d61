import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { RestClient, random } from './client.ts';

let service: RunningService;
let client: RestClient;

beforeAll(async () => {
  service = await startService();
  client = new RestClient(service.url, service.apiKey);
});
afterAll(async () => {
  client?.close();
  await service?.close();
});

/** Odd lengths around block sizes, an empty part and a part of one byte. */
const PART_SIZES = [65_536, 1, 0, 65_537, 300_001, 7, 131_072, 4_099];
const BORDERS = PART_SIZES.map((_, index) => PART_SIZES.slice(0, index).reduce((sum, size) => sum + size, 0));
const TOTAL = PART_SIZES.reduce((sum, size) => sum + size, 0);

/** Positions near part borders are as likely as any others. */
const position = fc.oneof(
  fc.integer({ min: 0, max: TOTAL - 1 }),
  fc
    .tuple(fc.constantFrom(...BORDERS, TOTAL), fc.integer({ min: -2, max: 2 }))
    .map(([border, offset]) => Math.min(Math.max(border + offset, 0), TOTAL - 1)),
);

describe('a file of several parts', () => {
  async function rangesHold(uid: string, whole: Buffer): Promise<void> {
    const property = fc.asyncProperty(
      position,
      position,
      fc.constantFrom('from-to', 'open', 'suffix'),
      async (a, b, kind) => {
        const from = kind === 'from-to' ? Math.min(a, b) : a;
        const to = kind === 'from-to' ? Math.max(a, b) : TOTAL - 1;
        const suffix = TOTAL - from;
        const range = { 'from-to': `${from}-${to}`, open: `${from}-`, suffix: `-${suffix}` }[kind];
        const answer = await client.content(uid, { range: `bytes=${range}` });
        expect(answer.status).toBe(206);
        expect(answer.headers['content-range']).toBe(`bytes ${from}-${to}/${TOTAL}`);
        expect(answer.headers['content-length']).toBe(String(to - from + 1));
        expect(answer.bytes.equals(whole.subarray(from, to + 1))).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: 150 });
  }

  test('gives every range exactly, before and after it was verified', async () => {
    const parts = PART_SIZES.map((size) => random(size));
    const whole = Buffer.concat(parts);
    const { uid, verified } = await client.putParts(parts);
    expect(verified).toBe(false);
    const before = await client.content(uid);
    expect(before.bytes.equals(whole)).toBe(true);
    await rangesHold(uid, whole);
    await client.settled(uid);
    await rangesHold(uid, whole);
    const after = await client.content(uid);
    expect(after.bytes.equals(whole)).toBe(true);
    expect(after.headers.etag).toBe(before.headers.etag);
  });

  test('gives several ranges at once', async () => {
    const parts = [random(100), random(100)];
    const whole = Buffer.concat(parts);
    const { uid } = await client.putParts(parts);
    const answer = await client.content(uid, { range: 'bytes=0-9,95-104,-5' });
    expect(answer.status).toBe(206);
    const boundary = /boundary=(\S+)/.exec(answer.headers['content-type'] ?? '')?.[1];
    const pieces = answer.bytes.toString('latin1').split(`--${boundary}`).slice(1, -1);
    const bodies = pieces.map((piece) => piece.slice(piece.indexOf('\r\n\r\n') + 4, -2));
    expect(bodies).toEqual(
      [whole.subarray(0, 10), whole.subarray(95, 105), whole.subarray(195)].map((part) =>
        part.toString('latin1'),
      ),
    );
  });
});

test('a range outside or backwards is 416 with the size; one that is not understood gives the whole', async () => {
  const { uid } = await client.put('a.bin', '0123456789');
  for (const range of ['bytes=10-', 'bytes=5-2']) {
    const outside = await client.content(uid, { range });
    expect(outside.json).toMatchObject({ status: 416, code: 'RangeNotSatisfiable' });
    expect(outside.headers['content-range']).toBe('bytes */10');
  }
  for (const range of ['lines=1-2', 'bytes=x', 'bytes=']) {
    expect([range, (await client.content(uid, { range })).status]).toEqual([range, 200]);
  }
});

test('HEAD says what GET would, without a body', async () => {
  const { uid } = await client.put('a.bin', random(5000));
  const head = await client.call('HEAD', `/files/${uid}/content`);
  const get = await client.content(uid);
  expect([head.status, head.bytes.length]).toEqual([200, 0]);
  for (const name of [
    'content-length',
    'content-type',
    'etag',
    'last-modified',
    'content-disposition',
    'accept-ranges',
  ]) {
    expect([name, head.headers[name]]).toEqual([name, get.headers[name]]);
  }
});

test('preconditions are honoured', async () => {
  const { uid } = await client.put('a.bin', '0123456789');
  const { headers } = await client.content(uid);
  const etag = headers.etag as string;
  expect((await client.content(uid, { 'if-none-match': etag })).status).toBe(304);
  expect((await client.content(uid, { 'if-none-match': '"other"' })).status).toBe(200);
  expect((await client.content(uid, { 'if-match': '"other"' })).json).toMatchObject({
    status: 412,
    code: 'PreconditionFailed',
  });
  expect((await client.content(uid, { 'if-range': etag, range: 'bytes=1-2' })).bytes.toString()).toBe('12');
  expect((await client.content(uid, { 'if-range': '"other"', range: 'bytes=1-2' })).status).toBe(200);
});

describe('disposition', () => {
  test('is inline unless attachment is asked for, under the name that is asked for', async () => {
    const { uid } = await client.put('a.txt', 'text');
    const disposition = async (query: string) =>
      (await client.content(uid, {}, query)).headers['content-disposition'];
    expect(await disposition('')).toMatch(/^inline; filename="?a\.txt"?$/);
    expect(await disposition('?disposition=inline')).toMatch(/^inline; filename="?a\.txt"?$/);
    expect(await disposition('?disposition=attachment&name=b.txt')).toMatch(
      /^attachment; filename="?b\.txt"?$/,
    );
    const refused = await client.content(uid, {}, '?disposition=sideways');
    expect(refused.json).toMatchObject({ status: 400, details: { field: 'disposition' } });
  });

  test.each([
    ['page.html', '<!doctype html><script>alert(1)</script>'],
    ['image.svg', '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'],
    ['data.xml', '<?xml version="1.0"?><a/>'],
  ])('never shows %s, whatever is asked for', async (name, body) => {
    const { uid } = await client.put(name, body, { 'content-type': 'image/png' });
    const { headers } = await client.content(uid, {}, '?disposition=inline&name=harmless.png');
    expect(headers['content-disposition']).toMatch(/^attachment/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toBe("default-src 'none'; sandbox");
    expect(headers['content-type']).not.toContain('image/png');
  });
});
