import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import {
  Client,
  content,
  dataOf,
  failed,
  failedDownload,
  md5Of,
  succeeded,
  type UploadLink,
  uploadParameters,
} from './client.ts';
import { type Harness, startHarness } from './harness.ts';

let service: Harness;
let client: Client;

beforeAll(async () => {
  service = await startHarness();
  client = new Client(service.url, await service.key('shop'));
});

afterAll(() => service.close());

const BYTES = content(2000, 'signed');

/** The last character of base64url carries spare bits: every other one must be refused, also those that decode to the same bytes. */
function lastCharacterVariants(signature: string): string[] {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = signature.at(-1) ?? '';
  return [...alphabet].filter((one) => one !== last).map((one) => signature.slice(0, -1) + one);
}

async function nothingArrived(link: UploadLink, objects: number): Promise<void> {
  expect(dataOf(await client.get('/checkpoint', { uid: link.uid }))).toEqual([]);
  expect(await service.objects()).toBe(objects);
}

describe('upload links', () => {
  let link: UploadLink;
  let other: UploadLink;
  let objects: number;

  beforeEach(async () => {
    link = await client.uploadLink('a.bin', 600);
    other = await client.uploadLink('b.bin', 600);
    objects = await service.objects();
  });

  const refused = async (more: Record<string, string>, message?: RegExp) => {
    failed(await client.single(link, BYTES, more), 422, message);
    failed(await client.part(link, 1, BYTES, more), 422, message);
    failed(await client.merge(link, BYTES, 1, more), 422, message);
    await nothingArrived(link, objects);
    await nothingArrived(other, objects);
  };

  test('the signature of another uid does not open this one', async () => {
    const borrowed = uploadParameters(other.url.single);
    await refused({ signature: borrowed.signature ?? '' }, /signature/);
    await refused({ uid: other.uid }, /signature/);
    succeeded(await client.single(link, BYTES));
  });

  test('a later date, a longer life or another date form is refused', async () => {
    await refused({ expire: '601' }, /signature/);
    await refused({ date: '2999-01-01T00:00:00Z' }, /signature/);
  });

  test('a changed signature is refused, whatever is changed', async () => {
    const { signature = '' } = uploadParameters(link.url.single);
    const [kid = '', mac = ''] = signature.split('.');
    await refused({ signature: `nokey.${mac}` }, /signature/);
    await refused({ signature: mac }, /signature/);
    await refused({ signature: `${kid}.` }, /signature/);
    await refused({ signature: `${signature}=` }, /signature/);
    await refused({ signature: `${signature}AAAA` }, /signature/);
    await refused({ signature: `${kid}.${mac.toLowerCase()}x` }, /signature/);
    for (const variant of lastCharacterVariants(signature)) {
      failed(await client.merge(link, BYTES, 1, { signature: variant }), 422, /signature/);
    }
  });

  test('a download signature does not open an upload', async () => {
    const uid = await client.upload('c.bin', BYTES);
    const signature = new URL((await client.downloadLink(uid)).url, 'http://host').searchParams.get(
      'signature',
    );
    await refused({ signature: signature ?? '' }, /signature/);
  });
});

describe('download links', () => {
  test('every changed parameter is refused', async () => {
    const uid = await client.upload('d.png', content(900, 'd'));
    const another = await client.upload('e.png', content(900, 'e'));
    const link = await client.downloadLink(uid);
    const { searchParams } = new URL(link.url, 'http://host');
    const signature = searchParams.get('signature') ?? '';
    const changes: Record<string, string>[] = [
      { uid: another },
      { name: 'other.png' },
      { name: 'd.pnG' },
      { date: '2999-01-01T00:00:00Z' },
      { expire: '601' },
      { bucket: 'doc' },
      { object: `${another}.png` },
      { signature: `k9.${signature.slice(3)}` },
      ...lastCharacterVariants(signature).map((one) => ({ signature: one })),
    ];
    for (const change of changes)
      await failedDownload(await client.download(link, {}, change), 422, /signature/);
    const upload = await client.uploadLink('f.png', 600);
    const foreign = uploadParameters(upload.url.single).signature ?? '';
    await failedDownload(await client.download(link, {}, { signature: foreign }), 422, /signature/);
    await failedDownload(await client.download(link, {}, { uid: '4611686018427387904' }), 422);
    const fine = await client.download(link);
    expect(fine.status).toBe(200);
    await fine.arrayBuffer();
  });

  test('revoking the links of a file ends them, and new ones work', async () => {
    const uid = await client.upload('revoked.png', BYTES);
    const old = await client.downloadLink(uid);
    const principal = await service.core.authenticator.authenticate({ apiKey: await service.key('shop') });
    await service.core.links.revokeAll(principal, uid, COMMAND);
    await failedDownload(await client.download(old), 422, /signature/);
    expect(await client.bytesOf(uid)).toEqual(BYTES);
  });
});

test('a link signed with a rotated key still works, new ones are signed with the new key', async () => {
  const uid = await client.upload('rotated.bin', BYTES);
  const download = await client.downloadLink(uid);
  const upload = await client.uploadLink('rotated-too.bin');
  const oldKey = { id: 'k1', secret: 'the-first-link-key-of-these-tests-0001' };
  const newKey = { id: 'k2', secret: 'the-second-link-key-of-these-tests-002' };
  const key = await service.key('shop');
  const rotated = new Client(await service.also({ linkKeys: [newKey, oldKey] }), key);
  const response = await rotated.download(download);
  expect(response.status).toBe(200);
  await response.arrayBuffer();
  succeeded(await rotated.single(upload, content(44, 'rotated')));
  const fresh = await rotated.uploadLink('fresh.bin');
  expect(uploadParameters(fresh.url.single).signature).toMatch(/^k2\./);
  failed(await client.single(fresh, BYTES), 422, /signature/);

  const retired = new Client(await service.also({ linkKeys: [newKey] }), key);
  await failedDownload(await retired.download(download), 422, /signature/);
});

describe('expiry', () => {
  let own: Harness;
  let caller: Client;

  beforeEach(async () => {
    own = await startHarness();
    caller = new Client(own.url, await own.key('shop'));
    return () => own.close();
  });

  test('an upload that has begun goes on after its link is over, to its end', async () => {
    const link = await caller.uploadLink('begun.bin', 60);
    succeeded(await caller.part(link, 1, BYTES));
    own.advance(61_000);
    const tail = content(10, 'tail');
    succeeded(await caller.part(link, 2, tail));
    failed(await caller.single(link, BYTES), 422, /expired/);
    failed(await caller.part(link, 3, tail, { expire: '61' }), 422, /signature/);
    const whole = Buffer.concat([BYTES, tail]);
    failed(await caller.merge(link, whole, 3), 422);
    succeeded(await caller.merge(link, whole, 2));
    failed(await caller.merge(link, whole, 2), 422, /expired/);
    failed(await caller.part(link, 2, tail), 422, /expired/);
    expect(await caller.bytesOf(link.uid)).toEqual(whole);
  });

  test('one that has not begun is refused after its link is over, and leaves nothing', async () => {
    const link = await caller.uploadLink('late.bin', 60);
    own.advance(61_000);
    failed(await caller.single(link, BYTES), 422, /expired/);
    failed(await caller.part(link, 1, BYTES), 422, /expired/);
    failed(await caller.merge(link, BYTES, 1), 422, /expired/);
    expect(await own.objects()).toBe(0);
  });

  test('a part that is on its way when the link ends is kept', async () => {
    const link = await caller.uploadLink('under-way.bin', 60);
    const parameters = { ...uploadParameters(link.url.multi.upload), md5: md5Of(BYTES), chunkNum: '1' };
    const boundary = 'under-way';
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n`;
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(Buffer.concat([Buffer.from(head), BYTES.subarray(0, 1000)]));
        await new Promise((resolve) => setTimeout(resolve, 200));
        own.advance(61_000);
        controller.enqueue(Buffer.concat([BYTES.subarray(1000), Buffer.from(`\r\n--${boundary}--\r\n`)]));
        controller.close();
      },
    });
    const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
    const init = { body, headers, duplex: 'half' } as RequestInit;
    succeeded(await caller.call('PUT', `/upload/multi?${new URLSearchParams(parameters)}`, init));
    succeeded(await caller.merge(link, BYTES, 1));
  });

  test('a download link is over at its end and not before', async () => {
    const uid = await caller.upload('d.bin', BYTES);
    const link = await caller.downloadLink(uid, 60);
    own.advance(50_000);
    const early = await caller.download(link);
    expect(early.status).toBe(200);
    await early.arrayBuffer();
    own.advance(10_001);
    await failedDownload(await caller.download(link), 422, /expired/);
  });

  test('an upload that got no part for its time is over', async () => {
    const link = await caller.uploadLink('forgotten.bin', 60);
    succeeded(await caller.part(link, 1, BYTES));
    own.advance(25 * 3_600_000);
    failed(await caller.part(link, 2, BYTES), 422, /expired/);
    failed(await caller.get('/checkpoint', { uid: link.uid }), 404);
  });
});
