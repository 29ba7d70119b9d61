import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client, content, type DownloadLink, failedDownload } from './client.ts';
import { type Harness, startHarness } from './harness.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const PART = 1024 * 1024;
const MULTI = content(2 * PART + 500, 'download');

let service: Harness;
let client: Client;
let small: DownloadLink;
let large: DownloadLink;
let image: DownloadLink;

beforeAll(async () => {
  service = await startHarness();
  client = new Client(service.url, await service.key('shop'));
  small = await client.downloadLink(await client.upload('ten.bin', Buffer.from('0123456789')));
  large = await client.downloadLink(await client.upload('large.bin', MULTI));
  image = await client.downloadLink(await client.upload('图.png', PNG));
});

afterAll(() => service.close());

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

test('a download says all that a client needs', async () => {
  const response = await client.download(image);
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-length': String(PNG.length),
    'content-type': 'image/png',
    'accept-ranges': 'bytes',
    etag: expect.stringMatching(/^"[^"]+"$/),
    'last-modified': expect.stringMatching(/GMT$/),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-disposition': expect.stringMatching(/^inline; .*filename\*=UTF-8''%E5%9B%BE\.png/),
  });
  expect(await bytesOf(response)).toEqual(PNG);
});

test('HEAD says the same without bytes', async () => {
  const get = await client.download(large);
  await get.arrayBuffer();
  const head = await client.download(large, { method: 'HEAD' });
  expect(head.status).toBe(200);
  for (const name of ['content-length', 'content-type', 'etag', 'last-modified', 'accept-ranges']) {
    expect(head.headers.get(name)).toBe(get.headers.get(name));
  }
  expect(await bytesOf(head)).toHaveLength(0);
  const refused = await client.download(large, { method: 'HEAD' }, { name: 'x' });
  expect(refused.status).toBe(422);
});

describe('ranges', () => {
  test.each([
    ['bytes=0-3', 0, 4],
    ['bytes=4-', 4, 10],
    ['bytes=-3', 7, 10],
    ['bytes=-99', 0, 10],
    ['bytes=9-99', 9, 10],
    ['bytes=0-0', 0, 1],
  ])('%s is 206', async (range, from, to) => {
    const response = await client.download(small, { headers: { range } });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/10`);
    expect(response.headers.get('content-length')).toBe(String(to - from));
    expect((await bytesOf(response)).toString()).toBe('0123456789'.slice(from, to));
  });

  test.each(['bytes=10-', 'bytes=99-100', 'bytes=-0', 'bytes=5-2'])('%s is 416', async (range) => {
    const response = await client.download(small, { headers: { range } });
    expect(response.headers.get('content-range')).toBe('bytes */10');
    await failedDownload(response, 416);
  });

  test('a range across parts that are not joined yet', async () => {
    const response = await client.download(large, {
      headers: { range: `bytes=${PART - 100}-${2 * PART + 99}` },
    });
    expect(response.status).toBe(206);
    expect((await bytesOf(response)).equals(MULTI.subarray(PART - 100, 2 * PART + 100))).toBe(true);
  });
});

describe('conditions', () => {
  test('If-None-Match with the tag is 304', async () => {
    const first = await client.download(small);
    await first.arrayBuffer();
    const etag = first.headers.get('etag') ?? '';
    const response = await client.download(small, { headers: { 'if-none-match': etag } });
    expect(response.status).toBe(304);
    expect(response.headers.get('etag')).toBe(etag);
  });

  test('If-Range: the range with the right tag, the whole with a wrong one', async () => {
    const first = await client.download(small);
    await first.arrayBuffer();
    const headers = { range: 'bytes=0-1', 'if-range': first.headers.get('etag') ?? '' };
    const right = await client.download(small, { headers });
    expect(right.status).toBe(206);
    await right.arrayBuffer();
    const wrong = await client.download(small, { headers: { ...headers, 'if-range': '"other"' } });
    expect(wrong.status).toBe(200);
    expect(await bytesOf(wrong)).toHaveLength(10);
  });

  test('If-Match with another tag is 412 in the envelope', async () => {
    await failedDownload(await client.download(small, { headers: { 'if-match': '"other"' } }), 412);
  });
});

describe('online', () => {
  test.each([
    ['1', /^inline/],
    ['0', /^attachment/],
  ])('%s', async (online, disposition) => {
    const response = await client.download(image, {}, { online });
    expect(response.headers.get('content-disposition')).toMatch(disposition);
    await response.arrayBuffer();
  });

  test.each(['2', '', 'true', '01'])('%j is refused', async (online) => {
    await failedDownload(await client.download(image, {}, { online }), 422, /online/);
  });

  test('active content is never shown inline', async () => {
    const uid = await client.upload('page.html', Buffer.from('<!doctype html><script>alert(1)</script>'));
    const response = await client.download(await client.downloadLink(uid), {}, { online: '1' });
    expect(response.headers.get('content-disposition')).toMatch(/^attachment/);
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
    await response.arrayBuffer();
  });
});

test('unknown parameters are ignored, keys that are sent along are not looked at', async () => {
  const headers = { authorization: 'Bearer osp_wrong' };
  const response = await client.download(small, { headers }, { t: '123', 'x[]': 'y' });
  expect(response.status).toBe(200);
  await response.arrayBuffer();
});

test('a hundred downloads at once are all whole', async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, index) =>
      bytesOf(await client.download(index % 10 === 0 ? large : small)),
    ),
  );
  for (const [index, bytes] of answers.entries()) {
    expect(bytes.equals(index % 10 === 0 ? MULTI : Buffer.from('0123456789'))).toBe(true);
  }
});
