import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client, content, dataOf, failed, failedDownload, md5Of, succeeded } from './client.ts';
import { type Harness, startHarness } from './harness.ts';

const MEBIBYTE = 1024 * 1024;
let service: Harness;
let client: Client;

beforeAll(async () => {
  service = await startHarness();
  client = new Client(service.url, await service.key('shop'));
});

afterAll(() => service.close());

const noFile = async (uid: string) =>
  failed(await client.post('/link/download', { uid: [uid], expire: 60 }), 404, new RegExp(uid));

test('a single upload comes back byte for byte', async () => {
  const bytes = content(300_000, 'single');
  const uid = await client.upload('folder/报告.pdf', bytes);
  expect(await client.bytesOf(uid)).toEqual(bytes);
  expect((await client.downloadLink(uid)).meta).toEqual({
    srcName: '报告.pdf',
    dstName: `${uid}.pdf`,
    height: 0,
    width: 0,
    md5: md5Of(bytes),
    size: '300000',
  });
});

test('an empty file can be uploaded in one go and in parts', async () => {
  const empty = new Uint8Array(0);
  expect(await client.bytesOf(await client.upload('empty.txt', empty))).toHaveLength(0);
  const link = await client.uploadLink('empty-too.txt');
  succeeded(await client.part(link, 1, empty));
  succeeded(await client.merge(link, empty, 1));
  expect(await client.bytesOf(link.uid)).toHaveLength(0);
});

test('a multipart upload of 1 MiB parts, five at a time, can be read at once and unchanged after the join', async () => {
  const bytes = content(12 * MEBIBYTE + 12_345, 'multi');
  const link = await client.uploadLink('film.mp4');
  await client.uploadMulti(link, bytes);
  const download = await client.downloadLink(link.uid);
  const before = await client.download(download);
  const etag = before.headers.get('etag');
  expect(Buffer.from(await before.arrayBuffer()).equals(bytes)).toBe(true);
  const [uncomposed] = [await service.core.files.findSigned(link.uid)];
  expect(uncomposed?.file.verified).toBe(false);
  expect(uncomposed?.parts).toHaveLength(13);

  await service.runTasks();
  const after = await client.download(download);
  expect(after.headers.get('etag')).toBe(etag);
  expect(Buffer.from(await after.arrayBuffer()).equals(bytes)).toBe(true);
  const composed = await service.core.files.findSigned(link.uid);
  expect(composed?.file.verified).toBe(true);
  expect(composed?.parts).toHaveLength(1);
});

test('a wrong md5 of a single upload leaves nothing behind and the link can be used again', async () => {
  const bytes = content(5000, 'wrong single');
  const link = await client.uploadLink('a.bin');
  const before = await service.objects();
  failed(await client.single(link, bytes, { md5: md5Of(Buffer.from('other')) }), 422, /md5/);
  expect(await service.objects()).toBe(before);
  await noFile(link.uid);
  succeeded(await client.single(link, bytes));
  expect(await client.bytesOf(link.uid)).toEqual(bytes);
});

test.each([5000, 300_000])('a wrong md5 of a part of %d bytes leaves nothing behind', async (size) => {
  const bytes = content(size, `wrong part ${size}`);
  const link = await client.uploadLink('b.bin');
  const before = await service.objects();
  failed(await client.part(link, 1, bytes, { md5: md5Of(Buffer.from('other')) }), 422, /md5/);
  expect(await service.objects()).toBe(before);
  expect(dataOf(await client.get('/checkpoint', { uid: link.uid }))).toEqual([]);
  succeeded(await client.part(link, 1, bytes));
  succeeded(await client.merge(link, bytes, 1));
  expect(await client.bytesOf(link.uid)).toEqual(bytes);
});

test('upper-case md5 is the same md5', async () => {
  const bytes = content(700, 'upper');
  const link = await client.uploadLink('u.bin');
  succeeded(await client.single(link, bytes, { md5: md5Of(bytes).toUpperCase() }));
});

test('a repeated single upload is a success, with other content a conflict', async () => {
  const bytes = content(900, 'again');
  const link = await client.uploadLink('again.bin');
  succeeded(await client.single(link, bytes));
  const before = await service.objects();
  succeeded(await client.single(link, bytes));
  failed(await client.single(link, content(900, 'something else')), 409);
  expect(await service.objects()).toBe(before);
  expect(await client.bytesOf(link.uid)).toEqual(bytes);
});

test('content that is here already is not kept twice', async () => {
  const bytes = content(200_000, 'twice');
  const first = await client.upload('one.bin', bytes);
  const before = await service.objects();
  const second = await client.upload('two.bin', bytes);
  const link = await client.uploadLink('three.bin');
  succeeded(await client.part(link, 1, bytes));
  succeeded(await client.merge(link, bytes, 1));
  expect(await service.objects()).toBe(before);
  expect(new Set([first, second, link.uid]).size).toBe(3);
  expect(await client.bytesOf(second)).toEqual(bytes);
});

test('the same part twice is stored once; other content replaces it', async () => {
  const wrong = content(4000, 'draft');
  const right = content(4000, 'final');
  const tail = content(100, 'tail');
  const link = await client.uploadLink('replace.bin');
  succeeded(await client.part(link, 1, wrong));
  const before = await service.objects();
  succeeded(await client.part(link, 1, wrong));
  expect(await service.objects()).toBe(before);
  succeeded(await client.part(link, 1, right));
  succeeded(await client.part(link, 2, tail));
  const whole = Buffer.concat([right, tail]);
  succeeded(await client.merge(link, whole, 2));
  expect(await client.bytesOf(link.uid)).toEqual(whole);
});

test('the same part at once ten times is stored once', async () => {
  const bytes = content(150_000, 'ten at once');
  const link = await client.uploadLink('ten.bin');
  const before = await service.objects();
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.part(link, 1, bytes)));
  for (const answer of answers) succeeded(answer);
  expect(await service.objects()).toBe(before + 1);
  expect(dataOf(await client.get('/checkpoint', { uid: link.uid }))).toEqual([1]);
});

test('a part after the merge: the same is a success, another a conflict', async () => {
  const bytes = content(3000, 'late');
  const link = await client.uploadLink('late.bin');
  succeeded(await client.part(link, 1, bytes));
  succeeded(await client.merge(link, bytes, 1));
  succeeded(await client.part(link, 1, bytes));
  failed(await client.part(link, 1, content(3000, 'too late')), 409);
  failed(await client.part(link, 2, bytes), 409);
  expect(await client.bytesOf(link.uid)).toEqual(bytes);
});

test('parts may arrive in any order', async () => {
  const parts = ['c', 'a', 'b'].map((seed) => content(1000, `order ${seed}`));
  const link = await client.uploadLink('order.bin');
  for (const number of [3, 1, 2])
    succeeded(await client.part(link, number, parts[number - 1] ?? Buffer.alloc(0)));
  const whole = Buffer.concat(parts);
  succeeded(await client.merge(link, whole, 3));
  expect(await client.bytesOf(link.uid)).toEqual(whole);
});

test('sizes beyond the limits are 413 and leave nothing behind', async () => {
  const limited = new Client(await service.also({ maxPartBytes: 1000, maxFileBytes: 2000 }));
  const link = await client.uploadLink('large.bin');
  const before = await service.objects();
  failed(await limited.part(link, 1, content(1001, 'x')), 413, /1000/);
  failed(await limited.single(link, content(2001, 'x')), 413, /2000/);
  expect(await service.objects()).toBe(before);
  succeeded(await limited.part(link, 1, content(1000, 'x')));
  succeeded(await limited.single(link, content(2000, 'x')));
});

test('a file that was deleted cannot be downloaded, merged or uploaded again under its old links', async () => {
  const bytes = content(500, 'deleted');
  const link = await client.uploadLink('deleted.bin');
  succeeded(await client.part(link, 1, bytes));
  succeeded(await client.merge(link, bytes, 1));
  const download = await client.downloadLink(link.uid);
  const { principal } = await owner();
  await service.core.files.delete(principal, link.uid);
  await failedDownload(await client.download(download), 404, new RegExp(link.uid));
  await noFile(link.uid);
  failed(await client.merge(link, bytes, 1), 404);
});

test('parts and merge of an upload that was aborted are 404', async () => {
  const bytes = content(500, 'aborted');
  const link = await client.uploadLink('aborted.bin');
  succeeded(await client.part(link, 1, bytes));
  await service.core.uploads.abort(link.uid);
  failed(await client.part(link, 2, bytes), 404, /aborted/);
  failed(await client.single(link, bytes), 404);
  failed(await client.merge(link, bytes, 1), 404);
  failed(await client.get('/checkpoint', { uid: link.uid }), 404);
});

async function owner() {
  const principal = await service.core.authenticator.authenticate({ apiKey: await service.key('shop') });
  return { principal };
}
