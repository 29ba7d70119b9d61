import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  Client,
  content,
  type DownloadLink,
  dataOf,
  failed,
  failedDownload,
  md5Of,
  succeeded,
  type UploadLink,
} from './client.ts';
import { type Harness, startHarness } from './harness.ts';

const PART = 1024 * 1024;
let service: Harness;
let client: Client;

beforeAll(async () => {
  service = await startHarness();
  client = new Client(service.url, await service.key('shop'));
});

afterAll(() => service.close());

const stored = async (link: UploadLink) => dataOf(await client.get('/checkpoint', { uid: link.uid }));

test('a merge with the wrong number or size is 422 and the upload goes on', async () => {
  const bytes = content(2 * PART + 77, 'wrong merge');
  const link = await client.uploadLink('wrong.bin');
  succeeded(await client.part(link, 1, bytes.subarray(0, PART)));
  succeeded(await client.part(link, 2, bytes.subarray(PART, 2 * PART)));
  const objects = await service.objects();
  failed(await client.merge(link, bytes, 3), 422, /3/);
  failed(await client.merge(link, bytes, 2), 422, new RegExp(String(bytes.length)));
  failed(await client.merge(link, bytes, 1), 422);
  failed(await client.merge(link, bytes, 2, { size: '9007199254740991' }), 422);
  expect(await stored(link)).toEqual([1, 2]);
  expect(await service.objects()).toBe(objects);
  failed(await client.post('/link/download', { uid: [link.uid], expire: 60 }), 404);

  succeeded(await client.part(link, 3, bytes.subarray(2 * PART)));
  succeeded(await client.merge(link, bytes, 3));
  expect((await client.bytesOf(link.uid)).equals(bytes)).toBe(true);
});

test('a missing part in the middle is named', async () => {
  const bytes = content(30, 'gap');
  const link = await client.uploadLink('gap.bin');
  succeeded(await client.part(link, 1, bytes.subarray(0, 10)));
  succeeded(await client.part(link, 3, bytes.subarray(20)));
  failed(await client.merge(link, bytes, 3), 422, /missing: 2/);
  succeeded(await client.part(link, 2, bytes.subarray(10, 20)));
  succeeded(await client.merge(link, bytes, 3));
});

test('a merge without any part is 422', async () => {
  const link = await client.uploadLink('none.bin');
  failed(await client.merge(link, content(10, 'none'), 1), 422);
  expect(await stored(link)).toEqual([]);
});

test('repeating the merge is a success, also after the join', async () => {
  const bytes = content(2 * PART, 'repeat');
  const link = await client.uploadLink('repeat.bin');
  await client.uploadMulti(link, bytes);
  succeeded(await client.merge(link, bytes, 2));
  await service.runTasks();
  succeeded(await client.merge(link, bytes, 2));
  failed(await client.merge(link, bytes, 2, { size: '5' }), 409);
  expect((await client.bytesOf(link.uid)).equals(bytes)).toBe(true);
});

test('twenty merges at once make one file', async () => {
  const bytes = content(3 * PART + 1, 'twenty');
  const link = await client.uploadLink('twenty.bin');
  const count = await client.sendParts(link, bytes);
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.merge(link, bytes, count)));
  for (const answer of answers) succeeded(answer);
  await service.runTasks();
  expect((await client.bytesOf(link.uid)).equals(bytes)).toBe(true);
});

test('a wrong md5 of the whole makes the file unavailable, says why and is never offered again', async () => {
  const bytes = content(2 * PART, 'rotten');
  const declared = md5Of(Buffer.from('something else'));
  const link = await client.uploadLink('rotten.bin');
  const count = await client.sendParts(link, bytes);
  succeeded(await client.merge(link, bytes, count, { md5: declared }));
  const download = await client.downloadLink(link.uid);
  await service.runTasks();

  const refused = await client.download(download);
  expect(await refused.clone().text()).not.toMatch(/[0-9a-f]{32}/);
  await failedDownload(refused, 409, /md5/);
  const good = await client.upload('good.bin', content(10, 'good'));
  const both = await client.post<DownloadLink[]>('/link/download', { uid: [link.uid, good], expire: 60 });
  expect(dataOf(both).map(({ uid }) => uid)).toEqual([link.uid, good]);
  failed(await client.merge(link, bytes, count, { md5: declared }), 409, /md5/);
  for (const md5 of [declared, md5Of(bytes)]) {
    expect(dataOf(await client.post('/resume', { data: [{ md5, path: 'x.bin' }] }))).toEqual([
      { md5, uid: '' },
    ]);
  }
});

test('a wrong md5 of an upload with one part is known at once: 422, and the part stays', async () => {
  const bytes = content(100, 'one part');
  const link = await client.uploadLink('one.bin');
  succeeded(await client.part(link, 1, bytes));
  failed(await client.merge(link, bytes, 1, { md5: md5Of(Buffer.from('no')) }), 422, /md5/);
  expect(await stored(link)).toEqual([1]);
  succeeded(await client.merge(link, bytes, 1));
});

test('a reader of the parts is not disturbed by the join', async () => {
  const bytes = content(8 * PART, 'undisturbed');
  const link = await client.uploadLink('undisturbed.bin');
  await client.uploadMulti(link, bytes);
  const response = await client.download(await client.downloadLink(link.uid));
  const reader = response.body?.getReader();
  const first = await reader?.read();
  const chunks = [Buffer.from(first?.value ?? [])];
  await service.runTasks();
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    chunks.push(Buffer.from(next.value));
  }
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
});
