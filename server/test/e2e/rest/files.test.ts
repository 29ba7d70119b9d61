import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { createKey, hex, RestClient, random, times } from './client.ts';

let service: RunningService;
let client: RestClient;
let stranger: RestClient;

beforeAll(async () => {
  service = await startService();
  client = new RestClient(service.url, await createKey(service, 'here', 'read,write,delete,links'));
  stranger = new RestClient(service.url, await createKey(service, 'stranger', 'read,write,delete,links'));
});
afterAll(async () => {
  client?.close();
  stranger?.close();
  await service?.close();
});

const BOUNDARY = 'x-boundary-x';
function postForm(parts: readonly (readonly [disposition: string, body: string | Buffer])[], query = '') {
  const body = Buffer.concat([
    ...parts.flatMap(([disposition, content]) => [
      Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ]);
  const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
  return client.call('POST', `/files${query}`, { headers, body });
}

describe('PUT /files/:name', () => {
  test('stores a file and reads back', async () => {
    const body = random(200_000);
    const stored = await client.call('PUT', '/files/photo.jpg', { body });
    expect(stored.status).toBe(201);
    expect(stored.headers.location).toBe(`/api/v1/files/${stored.json.uid}`);
    expect(stored.headers['cache-control']).toBe('no-store');
    expect(stored.json).toEqual({
      uid: expect.stringMatching(/^[1-9]\d+$/),
      name: 'photo.jpg',
      contentType: expect.any(String),
      size: 200_000,
      state: 'ready',
      sha256: hex('sha256', body),
      md5: hex('md5', body),
      verified: true,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
    });
    const { uid } = stored.json;
    expect((await client.content(uid)).bytes.equals(body)).toBe(true);
    expect((await client.call('GET', `/files/${uid}`)).json).toEqual(stored.json);
  });

  test('makes a new file each time, also of the same name and content', async () => {
    const uids = await times(5, async () => (await client.put('same.txt', 'same')).uid);
    expect(new Set(uids).size).toBe(5);
  });

  test('takes a body of unknown length, and does not believe the type that the client claims', async () => {
    const stored = await client.call('PUT', '/files/thing', {
      headers: { 'content-type': 'application/x-thing' },
      body: (async function* () {
        for (let index = 0; index < 20; index += 1) yield Buffer.alloc(10_000, index);
      })(),
    });
    expect(stored.json).toMatchObject({ size: 200_000, contentType: 'application/octet-stream' });
  });

  test('takes curl -T: Expect: 100-continue', async () => {
    const headers = { expect: '100-continue' };
    expect((await client.call('PUT', '/files/a.bin', { headers, body: random(10) })).status).toBe(201);
  });
});

describe('POST /files', () => {
  test('stores the field "file"; other fields do not matter', async () => {
    const body = random(150_000);
    const stored = await postForm([
      ['name="title"', 'hello'],
      ['name="file"; filename="form.bin"', body],
      ['name="more"', 'x'],
    ]);
    expect(stored.status).toBe(201);
    expect(stored.json).toMatchObject({ name: 'form.bin', size: 150_000, sha256: hex('sha256', body) });
    expect((await client.content(stored.json.uid)).bytes.equals(body)).toBe(true);
  });

  test('takes the name from the query before the form', async () => {
    const named = await postForm([['name="file"; filename="a"', 'x']], '?name=b%2Fc.txt');
    expect(named.json.name).toBe('b/c.txt');
    expect((await postForm([['name="file"', 'x']], '?name=d')).json.name).toBe('d');
    expect((await postForm([['name="file"', 'x']])).json).toMatchObject({
      status: 400,
      details: { field: 'name' },
    });
  });

  test('takes what a browser sends', async () => {
    const form = new FormData();
    form.set('file', new Blob(['from a browser'], { type: 'text/plain' }), 'bröwser "1".txt');
    const encoded = new Response(form);
    const stored = await client.call('POST', '/files', {
      headers: { 'content-type': encoded.headers.get('content-type') ?? '' },
      body: Buffer.from(await encoded.arrayBuffer()),
    });
    expect(stored.status).toBe(201);
    expect(stored.json.size).toBe(14);
    expect(stored.json.name).toMatch(/^bröwser/);
  });

  test('refuses what is no such form', async () => {
    expect((await postForm([['name="other"; filename="a"', 'x']])).status).toBe(400);
    expect((await client.call('POST', '/files', { json: { file: 'x' } })).status).toBe(415);
    expect((await client.call('POST', '/files', {})).status).toBe(415);
    const cut = await client.call('POST', '/files', {
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
      body: `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhalf`,
    });
    expect(cut.json).toMatchObject({ status: 400, code: 'InvalidArgument' });
  });
});

test('an empty file can be stored in every way and reads back', async () => {
  const stored = [
    await client.call('PUT', '/files/empty', { body: '' }),
    await client.call('PUT', '/files/empty'),
    await postForm([['name="file"; filename="empty"', '']]),
    await client.call('PUT', `/uploads/${await client.open()}/content`, { body: '' }),
  ];
  const partial = await client.open();
  await client.part(partial, 1, '');
  stored.push(await client.complete(partial));
  stored.push(await client.complete(await client.open({ name: 'empty', size: 0 })));
  stored.push(await client.complete(await client.open(), { size: 0 }));
  for (const answer of stored) {
    expect([200, 201]).toContain(answer.status);
    expect(answer.json.size).toBe(0);
    const content = await client.content(answer.json.uid);
    expect([content.status, content.headers['content-length'], content.bytes.length]).toEqual([200, '0', 0]);
    expect((await client.content(answer.json.uid, { range: 'bytes=0-' })).status).toBe(416);
    expect((await client.settled(answer.json.uid)).sha256).toBe(hex('sha256', ''));
  }
  const undeclared = await client.complete(await client.open());
  expect(undeclared.json).toMatchObject({ status: 400, details: { field: 'parts' } });
});

const EVIL_NAMES = [
  '../../etc/passwd',
  '..',
  '.',
  '/absolute',
  'C:\\windows\\x.ini',
  'quote".txt',
  "it's; filename=evil.exe",
  '100%25.txt',
  'a?b#c&d=e+f',
  ' spaces ',
  '日本語の名前.pdf',
  'emoji 👩‍👩‍👧 .png',
  'e\u0301 is not é',
  '\u202Egnp.exe',
  '\uFEFFbom',
  'null',
  '__proto__',
  '%00',
  '<script>alert(1)</script>.html',
  'x'.repeat(255),
];

describe.each(EVIL_NAMES)('the name %j', (name) => {
  test('round-trips through every way in and out', async () => {
    const viaPath = await client.call('PUT', `/files/${encodeAll(name)}`, { body: 'x' });
    const viaJson = await client.call('POST', '/uploads', { json: { name } });
    const viaQuery = await postForm([['name="file"', 'x']], `?name=${encodeURIComponent(name)}`);
    for (const answer of [viaPath, viaJson, viaQuery]) {
      expect([answer.status, answer.json.name]).toEqual([201, name]);
    }
    const { uid } = viaPath.json;
    const content = await client.content(uid);
    expect(content.bytes.toString()).toBe('x');
    expect(dispositionName(content.headers['content-disposition'] ?? '')).toBe(name);
    const renamed = await client.call('PATCH', `/files/${viaQuery.json.uid}`, { json: { name: `${name}2` } });
    expect(renamed.json.name).toBe(`${name}2`);
    const listed = await client.call('GET', `/files?prefix=${encodeURIComponent(name)}`);
    expect(listed.json.files.map((file) => file.uid)).toEqual(
      expect.arrayContaining([uid, viaQuery.json.uid]),
    );
  });
});

/** Dots too, so that nothing on the way takes them for a path. */
function encodeAll(name: string): string {
  return encodeURIComponent(name).replaceAll('.', '%2E');
}

/** RFC 6266: filename* before filename. */
function dispositionName(header: string): string {
  const extended = /filename\*=UTF-8''([^;]+)/.exec(header)?.[1];
  if (extended !== undefined) return decodeURIComponent(extended);
  const quoted = /filename="((?:[^"\\]|\\.)*)"/.exec(header)?.[1];
  return quoted?.replace(/\\(.)/g, '$1') ?? /filename=([^;]+)/.exec(header)?.[1] ?? '';
}

describe('names', () => {
  test.each(['a\nb', 'a\r\nx-evil: 1', '\0', 'tab\t', '\u007f', '\u0085', ''])(
    '%j is refused everywhere',
    async (name) => {
      const file = await client.put('ok', 'x');
      for (const answer of [
        await client.call('PUT', `/files/${encodeURIComponent(name)}`, { body: 'x' }),
        await client.call('POST', '/uploads', { json: { name } }),
        await client.call('PATCH', `/files/${file.uid}`, { json: { name } }),
        await postForm([['name="file"; filename="a"', 'x']], `?name=${encodeURIComponent(name)}`),
        await client.content(file.uid, {}, `?name=${encodeURIComponent(name)}`),
      ]) {
        expect(answer.json).toMatchObject({
          status: 400,
          code: 'InvalidArgument',
          details: { field: 'name' },
        });
      }
    },
  );

  test('of at most 4096 bytes, and well-formed', async () => {
    const longest = 'ä'.repeat(2048);
    expect((await client.call('POST', '/uploads', { json: { name: longest } })).json.name).toBe(longest);
    expect((await client.call('POST', '/uploads', { json: { name: `${longest}x` } })).status).toBe(400);
    const lone = await client.call('POST', '/uploads', {
      headers: { 'content-type': 'application/json' },
      body: '{"name":"\\ud800"}',
    });
    expect(lone.status).toBe(400);
    expect((await client.call('PUT', '/files/%ff', { body: 'x' })).status).toBe(400);
    expect((await client.call('PUT', '/files/%zz', { body: 'x' })).status).toBe(400);
  });
});

describe('renaming', () => {
  test('changes disposition name and content type, not the content', async () => {
    const file = await client.put('plain.txt', 'a,b\n1,2\n');
    expect(file.contentType).toBe('text/plain');
    const before = await client.content(file.uid);
    expect(before.headers['content-disposition']).toMatch(/^inline; filename="?plain\.txt"?$/);
    const renamed = await client.call('PATCH', `/files/${file.uid}`, { json: { name: 'table.csv' } });
    expect(renamed.json).toMatchObject({ uid: file.uid, name: 'table.csv', contentType: 'text/csv' });
    const after = await client.content(file.uid);
    expect(after.headers['content-disposition']).toMatch(/^attachment; filename="?table\.csv"?$/);
    expect(after.headers['content-type']).toContain('text/csv');
    expect(after.headers.etag).toBe(before.headers.etag);
    expect(after.bytes.equals(before.bytes)).toBe(true);
    expect((await client.call('GET', `/files/${file.uid}`)).json).toEqual(renamed.json);
  });

  test('a file that is not there is 404', async () => {
    expect((await client.call('PATCH', '/files/1', { json: { name: 'a' } })).status).toBe(404);
  });
});

test('a deleted file is gone at once, for every call, and deleting it again is fine', async () => {
  const file = await client.put('gone.txt', 'x');
  const link = await client.call('POST', `/files/${file.uid}/links`, { json: {} });
  await client.content(file.uid);
  expect((await client.call('DELETE', `/files/${file.uid}`)).status).toBe(204);
  for (const answer of [
    await client.content(file.uid),
    await client.call('GET', `/files/${file.uid}`),
    await client.call('PATCH', `/files/${file.uid}`, { json: { name: 'a' } }),
    await client.call('GET', `/files/${file.uid}/links`),
    await client.call('POST', `/files/${file.uid}/links`, { json: {} }),
    await new RestClient(service.url).call('GET', link.json.url),
  ]) {
    expect([answer.status, answer.json.code]).toEqual([404, 'NotFound']);
  }
  expect((await client.call('HEAD', `/files/${file.uid}/content`)).status).toBe(404);
  expect((await client.call('DELETE', `/files/${file.uid}`)).status).toBe(204);
  expect((await client.call('DELETE', '/files/1')).status).toBe(404);
  const { json } = await client.call('GET', '/files?limit=1000');
  expect(json.files.some(({ uid }) => uid === file.uid)).toBe(false);
});

test('a file of another owner does not exist', async () => {
  const file = await client.put('mine.txt', 'mine');
  const link = (await client.call('POST', `/files/${file.uid}/links`, { json: {} })).json;
  for (const answer of [
    await stranger.call('GET', `/files/${file.uid}`),
    await stranger.content(file.uid),
    await stranger.call('PATCH', `/files/${file.uid}`, { json: { name: 'theirs' } }),
    await stranger.call('DELETE', `/files/${file.uid}`),
    await stranger.call('POST', `/files/${file.uid}/links`, { json: {} }),
    await stranger.call('GET', `/files/${file.uid}/links`),
    await stranger.call('DELETE', `/files/${file.uid}/links`),
    await stranger.call('DELETE', `/files/${file.uid}/links/${link.id}`),
  ]) {
    expect([answer.status, answer.json.code]).toEqual([404, 'NotFound']);
  }
  expect((await client.call('GET', `/files/${file.uid}`)).json).toEqual(file);
  expect((await client.call('GET', `/files/${file.uid}/links`)).json.links).toHaveLength(1);
  expect((await stranger.call('GET', '/files?limit=1000')).json.files).toEqual([]);
});
