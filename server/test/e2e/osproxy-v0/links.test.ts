import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BASE,
  Client,
  content,
  type DownloadLink,
  dataOf,
  downloadParameters,
  failed,
  succeeded,
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

test('one link per distinct path, in the order asked, paths as they were sent', async () => {
  const asked = ['b/one.txt', 'a\\two.PDF', 'b/one.txt', 'one.txt', '/x/y/three.tar.gz', 'a\\two.PDF'];
  const links = await client.uploadLinks(asked);
  expect(links.map(({ path }) => path)).toEqual(['b/one.txt', 'a\\two.PDF', 'one.txt', '/x/y/three.tar.gz']);
  expect(new Set(links.map(({ uid }) => uid)).size).toBe(4);
  for (const { uid } of links) {
    expect(uid).toMatch(/^[1-9]\d{0,18}$/);
    expect(BigInt(uid)).toBeLessThan(2n ** 63n);
  }
});

test('links are relative, and carry all that they need in the parameters clients know', async () => {
  const { uid, url } = await client.uploadLink('a.txt', 77);
  const paths = [url.single, url.multi.upload, url.multi.merge].map((link) => {
    expect(link.startsWith('/')).toBe(true);
    const { pathname, searchParams } = new URL(link, 'http://host');
    expect([...searchParams.keys()].sort()).toEqual(['date', 'expire', 'signature', 'uid']);
    expect(searchParams.get('uid')).toBe(uid);
    expect(searchParams.get('expire')).toBe('77');
    expect(searchParams.get('date')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Math.abs(Date.now() - Date.parse(searchParams.get('date') ?? ''))).toBeLessThan(5000);
    return pathname;
  });
  expect(paths).toEqual([`${BASE}/upload`, `${BASE}/upload/multi`, `${BASE}/upload/merge`]);
});

test('the life of an upload link is the configured default unless asked otherwise', async () => {
  const { url } = await client.uploadLink('a.txt');
  expect(uploadParameters(url.single).expire).toBe('3600');
});

test('an upload stays open as long as its link is good', async () => {
  const week = 7 * 24 * 3600;
  const { uid } = await client.uploadLink('slow.bin', week);
  const principal = await service.core.authenticator.authenticate({ apiKey: await service.key('shop') });
  const { upload } = await service.core.uploads.status(principal, uid);
  expect(upload.expiresAt).toBeGreaterThan(Date.now() + (week - 10) * 1000);
});

test('fifty paths are taken, an empty list is an empty answer', async () => {
  const paths = Array.from({ length: 50 }, (_, index) => `${index}.txt`);
  expect(await client.uploadLinks(paths)).toHaveLength(50);
  expect(await client.uploadLinks([])).toEqual([]);
});

test('one wrong path spoils the call', async () => {
  failed(
    await client.post('/link/upload', { filePath: ['good.txt', 'dir/noextension'] }),
    422,
    /dir\/noextension/,
  );
  failed(await client.post('/link/upload', { filePath: ['good.txt', 'a.txt/'] }), 422, /filePath\[1\]/);
});

test('download links come in the order asked, as often as asked', async () => {
  const uids: string[] = [];
  for (const name of ['a.jpg', 'b.mp4', 'c.xyz']) uids.push(await client.upload(name, content(10, name)));
  const [a = '', b = '', c = ''] = uids;
  const links = dataOf(
    await client.post<DownloadLink[]>('/link/download', { uid: [c, a, b, a], expire: 60 }),
  );
  expect(links.map(({ uid }) => uid)).toEqual([c, a, b, a]);
  expect(links.map(({ url }) => downloadParameters(url).bucket)).toEqual([
    'unknown',
    'image',
    'video',
    'image',
  ]);
  expect(links.map(({ url }) => downloadParameters(url).object)).toEqual([
    `${c}.xyz`,
    `${a}.jpg`,
    `${b}.mp4`,
    `${a}.jpg`,
  ]);
  for (const { url } of links) {
    const { pathname, searchParams } = new URL(url, 'http://host');
    expect(pathname).toBe(`${BASE}/download`);
    expect([...searchParams.keys()]).toEqual([
      'uid',
      'name',
      'date',
      'expire',
      'bucket',
      'object',
      'signature',
    ]);
  }
  expect(dataOf(await client.post('/link/download', { uid: [], expire: 60 }))).toEqual([]);
});

test.each([
  ['image', ['jpg', 'jpeg', 'PNG', 'gif', 'bmp']],
  ['video', ['mp4', 'avi', 'wmv', 'mpeg']],
  ['audio', ['mp3', 'wav', 'flac', 'aac']],
  ['doc', ['pdf', 'doc', 'docx', 'ppt', 'pptx', 'xls', 'XLSX']],
  ['archive', ['zip', 'rar', 'tar', 'gz', '7z']],
  ['unknown', ['exe', 'blend', 'constructor', '__proto__']],
])('the bucket of %s extensions', async (bucket, extensions) => {
  for (const extension of extensions) {
    const uid = await client.upload(`file.${extension}`, content(5, extension));
    const { url, meta } = await client.downloadLink(uid);
    expect(downloadParameters(url)).toMatchObject({ bucket, object: `${uid}.${extension.toLowerCase()}` });
    expect(meta.dstName).toBe(`${uid}.${extension.toLowerCase()}`);
  }
});

test('an unknown uid, and one of another owner, is 404 for the whole call and named', async () => {
  const mine = await client.upload('mine.txt', content(5, 'mine'));
  const other = new Client(service.url, await service.key('other'));
  const theirs = await other.upload('theirs.txt', content(5, 'theirs'));
  const unfinished = (await client.uploadLink('unfinished.txt')).uid;
  for (const uid of [theirs, unfinished, '4611686018427387904']) {
    failed(await client.post('/link/download', { uid: [mine, uid], expire: 60 }), 404, new RegExp(uid));
  }
});

describe('names', () => {
  const names = [
    '报告 (最终).docx',
    '🎉👩‍👩‍👧‍👦.png',
    `it's a "quoted" 100% name+plus&amp;#hash?.txt`,
    'naïve café.pdf',
    ' leading and trailing .x ',
    'semi;colon,comma=equals.txt',
    '..%2F..%2Fetc%2Fpasswd.txt',
    'кириллица.7z',
    'עברית.zip',
    `${'很'.repeat(255)}.txt`,
  ];

  test.each(names)('%s', async (name) => {
    const bytes = content(20, name);
    const uid = await client.upload(`some/where/${name}`, bytes);
    const link = await client.downloadLink(uid);
    expect(link.meta.srcName).toBe(name);
    const response = await client.download(link, {}, { online: '0' });
    expect(response.status).toBe(200);
    expect(fileNameOf(response)).toBe(name);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
    const asGiven = await fetch(service.url + link.url);
    expect(asGiven.status).toBe(200);
    await asGiven.arrayBuffer();
  });

  test('a name that is longer than a URL may be is shortened in the link and kept in the meta data', async () => {
    const name = `${'🎉很'.repeat(500)}.tar.pdf`;
    const uid = await client.upload(name, content(20, 'long'));
    const link = await client.downloadLink(uid);
    expect(link.meta.srcName).toBe(name);
    expect(link.url.length).toBeLessThan(4000);
    const response = await client.download(link, {}, { online: '0' });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
    const shown = fileNameOf(response);
    expect(shown.isWellFormed()).toBe(true);
    expect(shown.endsWith('.pdf')).toBe(true);
    expect(name.startsWith(shown.slice(0, -4))).toBe(true);
  });

  test.each([
    'a\r\nSet-Cookie: x.txt',
    'a\0.txt',
    'tab\t.txt',
    'bell\u0007.txt',
    'c1\u0085.txt',
    '\ud800.txt',
  ])('%j is refused', async (name) => {
    failed(await client.post('/link/upload', { filePath: ['ok.txt', name] }), 422, /filePath\[1\]/);
    failed(await client.post('/resume', { data: [{ md5: '0'.repeat(32), path: name }] }), 422, /path/);
  });

  test.each(['noextension', '.profile', 'dir.d/name', 'dot.', '', '/', 'a.txt/', `${'x'.repeat(4097)}.txt`])(
    '%j is refused',
    async (name) => failed(await client.post('/link/upload', { filePath: [name] }), 422, /filePath\[0\]/),
  );
});

test('an upload of another owner can be sent under its link by anybody who has the link', async () => {
  const link = await client.uploadLink('handed-over.txt');
  const bearer = new Client(service.url);
  succeeded(await bearer.single(link, content(30, 'handed over')));
  expect(await client.bytesOf(link.uid)).toEqual(content(30, 'handed over'));
});

/** RFC 6266: filename* counts before filename. */
function fileNameOf(response: Response): string {
  const header = response.headers.get('content-disposition') ?? '';
  expect(header).toMatch(/^attachment/);
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(header)?.[1];
  if (extended !== undefined) return decodeURIComponent(extended);
  const quoted = /filename="((?:[^"\\]|\\.)*)"/.exec(header)?.[1];
  return quoted?.replace(/\\(.)/g, '$1') ?? /filename=([^;]+)/.exec(header)?.[1] ?? '';
}
