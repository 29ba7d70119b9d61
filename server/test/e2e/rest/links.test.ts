import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { createKey, RestClient, times, type Wire } from './client.ts';

let service: RunningService;
let client: RestClient;
let nobody: RestClient;

beforeAll(async () => {
  service = await startService({ env: { OSPROXY_PUBLIC_URL: 'https://files.example.com' } });
  client = new RestClient(service.url, await createKey(service, 'here', 'read,write,delete,links'));
  nobody = new RestClient(service.url);
});
afterAll(async () => {
  client?.close();
  nobody?.close();
  await service?.close();
});

async function readLink(uid: string, wanted: object = {}): Promise<Wire> {
  const created = await client.call('POST', `/files/${uid}/links`, { json: wanted });
  expect(created.status).toBe(201);
  return created.json;
}

async function writeLink(uid: string, wanted: object = {}): Promise<Wire> {
  const created = await client.call('POST', `/uploads/${uid}/links`, { json: wanted });
  expect(created.status).toBe(201);
  return created.json;
}

const pathOf = (link: Wire): string => link.url.replace('https://files.example.com', '');

test.each([{}, { headers: { 'content-type': 'application/json' }, body: '' }])(
  'links can be made without a body: %j',
  async (options) => {
    const { uid } = await client.put('a.txt', 'shared');
    const upload = await client.open();
    for (const path of [`/files/${uid}/links`, `/uploads/${upload}/links`]) {
      const created = await client.call('POST', path, options);
      expect([path, created.status]).toEqual([path, 201]);
      expect(Date.parse(created.json.expiresAt)).toBeGreaterThan(Date.now());
    }
  },
);

describe('a read link', () => {
  test('opens one file for whoever has it, and says how', async () => {
    const { uid } = await client.put('a.txt', 'shared');
    const link = await readLink(uid, { expiresIn: 60, disposition: 'attachment', maxUses: 5 });
    expect(link).toEqual({
      id: expect.any(String),
      uid,
      scope: 'read',
      disposition: 'attachment',
      createdAt: expect.stringMatching(/Z$/),
      expiresAt: expect.stringMatching(/Z$/),
      maxUses: 5,
      uses: 0,
      token: expect.any(String),
      url: `https://files.example.com/api/v1/files/${uid}/content?link=${link.token}`,
    });
    expect(Math.abs(Date.parse(link.expiresAt) - Date.now() - 60_000)).toBeLessThan(5000);
    const opened = await nobody.call('GET', pathOf(link));
    expect([opened.status, opened.bytes.toString()]).toEqual([200, 'shared']);
    const byHeader = { headers: { authorization: `Link ${link.token}` } };
    expect((await nobody.call('GET', `/files/${uid}/content`, byHeader)).status).toBe(200);
    expect((await nobody.call('GET', `/files/${uid}/content`)).json).toMatchObject({
      status: 401,
      code: 'Unauthenticated',
    });
    const { json } = await client.call('GET', `/files/${uid}/links`);
    expect(json.links).toMatchObject([{ id: link.id, uses: 2, maxUses: 5 }]);
  });

  test('fixes how the file is shown', async () => {
    const { uid } = await client.put('a.txt', 'shared');
    const path = pathOf(await readLink(uid, { disposition: 'attachment' }));
    const opened = await nobody.call('GET', `${path}&disposition=inline&name=evil.exe`);
    expect(opened.headers['content-disposition']).toMatch(/^attachment; filename="?a\.txt"?$/);
    expect(opened.headers['referrer-policy']).toBe('no-referrer');
  });

  test('shows the record of the file without the digests', async () => {
    const { uid } = await client.put('a.txt', 'shared');
    const { token } = await readLink(uid);
    const { status, json } = await nobody.call('GET', `/files/${uid}?link=${token}`);
    expect([status, json.name, json.size]).toEqual([200, 'a.txt', 6]);
    expect(json).not.toHaveProperty('sha256');
    expect(json).not.toHaveProperty('md5');
  });

  test('opens no other file and no other call', async () => {
    const { uid } = await client.put('a.txt', 'shared');
    const other = await client.put('b.txt', 'secret');
    const upload = await client.open();
    const { token } = await readLink(uid);
    const query = `link=${token}`;
    expect((await nobody.call('GET', `/files/${other.uid}/content?${query}`)).status).toBe(404);
    expect((await nobody.call('GET', `/files/${other.uid}?${query}`)).status).toBe(404);
    const headers = { authorization: `Link ${token}` };
    const json = { name: 'x' };
    for (const [method, path, options] of [
      ['PATCH', `/files/${uid}`, { json }],
      ['DELETE', `/files/${uid}`, {}],
      ['GET', '/files', {}],
      ['PUT', '/files/x', { body: 'x' }],
      ['POST', '/uploads', { json }],
      ['POST', `/files/${uid}/links`, { json: {} }],
      ['GET', `/files/${uid}/links`, {}],
      ['DELETE', `/files/${uid}/links`, {}],
      ['GET', `/uploads/${upload}`, {}],
      ['PUT', `/uploads/${upload}/parts/1`, { body: 'x' }],
      ['POST', `/uploads/${upload}/complete`, {}],
    ] as const) {
      const refused = await nobody.call(method, path, { ...options, headers });
      expect([method, path, refused.status]).toEqual([method, path, 403]);
    }
    for (const [method, path] of [
      ['DELETE', `/files/${uid}?${query}`],
      ['GET', `/files?${query}`],
    ] as const) {
      expect((await nobody.call(method, path)).status).toBe(401);
    }
    expect((await client.content(uid)).status).toBe(200);
  });

  test('ends when its time is over', async () => {
    const { uid } = await client.put('a.txt', 'shared');
    const path = pathOf(await readLink(uid, { expiresIn: 1 }));
    expect((await nobody.call('GET', path)).status).toBe(200);
    await sleep(1100);
    expect((await nobody.call('GET', path)).json).toMatchObject({ status: 410, code: 'Expired' });
    expect((await client.call('GET', `/files/${uid}/links`)).json.links).toEqual([]);
  });

  test('with a limit is opened exactly so often, also at once', async () => {
    const { uid } = await client.put('a.txt', 'shared');
    const path = pathOf(await readLink(uid, { maxUses: 7 }));
    expect((await nobody.call('HEAD', path)).status).toBe(200);
    expect((await nobody.call('GET', path.replace('/content', ''))).status).toBe(200);
    const answers = await times(20, () => nobody.call('GET', path));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(7);
    expect(answers.filter(({ status }) => status === 410)).toHaveLength(13);
    expect((await nobody.call('GET', path)).status).toBe(410);
  });

  test('that somebody has changed opens nothing', async () => {
    const { uid } = await client.put('a.txt', 'shared');
    const { token } = await readLink(uid);
    const swap = (at: number) => token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    const other = await readLink((await client.put('b', 'x')).uid);
    const mixed = `${token.slice(0, token.indexOf('.'))}${other.token.slice(other.token.indexOf('.'))}`;
    const tampered = [
      swap(0),
      swap(10),
      swap(token.length - 20),
      mixed,
      token.slice(0, -2),
      `${token}AA`,
      'x',
      '.',
    ];
    for (const bad of tampered) {
      const refused = await nobody.call('GET', `/files/${uid}/content?link=${bad}`);
      expect([bad, refused.status, refused.json.code]).toEqual([bad, 401, 'Unauthenticated']);
    }
    expect((await nobody.call('GET', `/files/${uid}/content?link=`)).status).toBe(400);
    expect((await nobody.call('GET', `/files/${uid}/content?link=${token}&link=${token}`)).status).toBe(400);
  });
});

describe('revoking', () => {
  test('one link ends that one only; again is fine', async () => {
    const { uid } = await client.put('a.txt', 'shared');
    const [first, second] = [await readLink(uid), await readLink(uid)];
    expect((await client.call('DELETE', `/files/${uid}/links/${first.id}`)).status).toBe(204);
    expect((await client.call('DELETE', `/files/${uid}/links/${first.id}`)).status).toBe(204);
    expect((await nobody.call('GET', pathOf(first))).status).toBe(410);
    expect((await nobody.call('GET', pathOf(second))).status).toBe(200);
    const { json } = await client.call('GET', `/files/${uid}/links`);
    expect(json.links.map(({ id }) => id)).toEqual([second.id]);
    expect((await client.call('DELETE', `/files/${uid}/links/${'x'.repeat(22)}`)).status).toBe(404);
    const other = await client.put('b.txt', 'x');
    expect((await client.call('DELETE', `/files/${other.uid}/links/${second.id}`)).status).toBe(404);
  });

  test('all links ends every one, and new ones can be made', async () => {
    const { uid } = await client.put('a.txt', 'shared');
    const links = await times(5, () => readLink(uid));
    expect((await client.call('DELETE', `/files/${uid}/links`)).status).toBe(204);
    expect((await client.call('DELETE', `/files/${uid}/links`)).status).toBe(204);
    for (const link of links) expect((await nobody.call('GET', pathOf(link))).status).toBe(410);
    expect((await nobody.call('GET', pathOf(await readLink(uid)))).status).toBe(200);
  });
});

test('revoking all links ends those of the v0 interface too', async () => {
  const { uid } = await client.put('a.txt', 'shared');
  const made = await client.call('POST', '/api/storage/v0/link/download', {
    json: { uid: [uid], expire: 60 },
  });
  const [{ url }] = (made.json as unknown as { data: [{ url: string }] }).data;
  expect((await nobody.call('GET', url)).bytes.toString()).toBe('shared');
  expect((await client.call('DELETE', `/files/${uid}/links`)).status).toBe(204);
  const refused = await nobody.call('GET', url);
  // The v0 interface has statuses of its own for a link that does not hold.
  expect([404, 422]).toContain(refused.status);
  expect(refused.bytes.toString()).not.toContain('shared');
});

test('a listing never shows a token', async () => {
  const { uid } = await client.put('a.txt', 'shared');
  const { token } = await readLink(uid);
  const listed = await client.call('GET', `/files/${uid}/links`);
  expect(listed.bytes.toString()).not.toContain(token.slice(token.indexOf('.')));
  expect(listed.json.links[0]).not.toHaveProperty('url');
});

describe('a write link', () => {
  test('sends, completes and looks at one upload without a key', async () => {
    const uid = await client.open({ name: 'sent.txt' });
    const link = await writeLink(uid, { expiresIn: 60 });
    expect(link.url).toBe(`https://files.example.com/api/v1/uploads/${uid}?link=${link.token}`);
    expect(link).not.toHaveProperty('disposition');
    const query = `?link=${link.token}`;
    expect((await nobody.call('PUT', `/uploads/${uid}/parts/1${query}`, { body: 'sent ' })).status).toBe(200);
    expect((await nobody.call('PUT', `/uploads/${uid}/parts/2${query}`, { body: 'by link' })).status).toBe(
      200,
    );
    expect((await nobody.call('GET', pathOf(link))).json.parts).toHaveLength(2);
    const done = await nobody.call('POST', `/uploads/${uid}/complete${query}`);
    expect([done.status, done.json.uid, done.json.size]).toEqual([200, uid, 12]);
    expect((await client.content(uid)).bytes.toString()).toBe('sent by link');
    expect((await nobody.call('GET', `/files/${uid}/content${query}`)).status).toBe(403);
  });

  test('sends the whole content, and gives an upload up', async () => {
    const [whole, given] = [await client.open(), await client.open()];
    const { token } = await writeLink(whole);
    expect((await nobody.call('PUT', `/uploads/${whole}/content?link=${token}`, { body: 'x' })).status).toBe(
      201,
    );
    const up = await writeLink(given);
    expect((await nobody.call('DELETE', `/uploads/${given}?link=${up.token}`)).status).toBe(204);
    expect((await client.part(given, 1, 'x')).status).toBe(410);
  });

  test('touches no other upload and makes no new one', async () => {
    const [mine, other] = [await client.open(), await client.open()];
    await client.part(other, 1, 'other');
    const query = `?link=${(await writeLink(mine)).token}`;
    for (const [method, path, options] of [
      ['GET', `/uploads/${other}`, {}],
      ['PUT', `/uploads/${other}/parts/1`, { body: 'changed' }],
      ['PUT', `/uploads/${other}/content`, { body: 'changed' }],
      ['POST', `/uploads/${other}/complete`, {}],
      ['DELETE', `/uploads/${other}`, {}],
    ] as const) {
      const refused = await nobody.call(method, `${path}${query}`, options);
      expect([method, path, refused.status]).toEqual([method, path, 404]);
    }
    expect((await nobody.call('POST', `/uploads${query}`, { json: { name: 'x' } })).status).toBe(401);
    await client.complete(other);
    expect((await client.content(other)).bytes.toString()).toBe('other');
  });

  test('is listed and revoked through its upload, before there is a file', async () => {
    const [uid, other] = [await client.open(), await client.open()];
    const [first, second, third] = [await writeLink(uid), await writeLink(uid), await writeLink(uid)];
    const foreign = await writeLink(other);
    const listed = async () => (await client.call('GET', `/uploads/${uid}/links`)).json.links;
    expect((await listed()).map(({ id }) => id).sort()).toEqual([first.id, second.id, third.id].sort());
    expect((await listed())[0]).toMatchObject({ uid, scope: 'write' });
    expect((await listed())[0]).not.toHaveProperty('token');
    expect((await client.call('GET', `/files/${uid}/links`)).status).toBe(404);
    expect((await client.call('DELETE', `/files/${uid}/links`)).status).toBe(404);
    const status = async (link: Wire) => (await nobody.call('GET', pathOf(link))).status;
    for (const id of [first.id, first.id])
      expect((await client.call('DELETE', `/uploads/${uid}/links/${id}`)).status).toBe(204);
    expect([await status(first), await status(second)]).toEqual([410, 200]);
    expect((await client.call('DELETE', `/uploads/${uid}/links/${foreign.id}`)).status).toBe(404);
    for (let i = 0; i < 2; i += 1)
      expect((await client.call('DELETE', `/uploads/${uid}/links`)).status).toBe(204);
    expect([await status(second), await status(third), await status(foreign)]).toEqual([410, 410, 200]);
    expect(await listed()).toEqual([]);
    expect(await status(await writeLink(uid))).toBe(200);
  });

  test('of a completed upload is listed with those of its file, and revoked with them', async () => {
    const uid = await client.open();
    const write = await writeLink(uid);
    await client.part(uid, 1, 'x');
    await client.complete(uid);
    const read = await readLink(uid);
    for (const path of [`/uploads/${uid}/links`, `/files/${uid}/links`]) {
      const { json } = await client.call('GET', path);
      expect(json.links.map(({ id }) => id).sort()).toEqual([write.id, read.id].sort());
    }
    expect((await client.call('DELETE', `/uploads/${uid}/links`)).status).toBe(204);
    expect((await nobody.call('GET', pathOf(read))).status).toBe(410);
    expect((await client.call('GET', `/files/${uid}/links`)).json.links).toEqual([]);
  });

  test('of somebody else or of no upload does not exist', async () => {
    const stranger = new RestClient(service.url, await createKey(service, 'stranger', 'links'));
    const uid = await client.open();
    const { id } = await writeLink(uid);
    for (const unknown of [uid, '1']) {
      for (const [method, path] of [
        ['GET', `/uploads/${unknown}/links`],
        ['DELETE', `/uploads/${unknown}/links`],
        ['DELETE', `/uploads/${unknown}/links/${id}`],
      ] as const)
        expect((await stranger.call(method, path)).status, `${method} ${path}`).toBe(404);
    }
    stranger.close();
    expect((await client.call('GET', `/uploads/${uid}/links`)).json.links).toHaveLength(1);
  });

  test('needs an open upload', async () => {
    const uid = await client.open();
    await client.part(uid, 1, 'x');
    await client.complete(uid);
    expect((await client.call('POST', `/uploads/${uid}/links`, { json: {} })).status).toBe(404);
    expect((await client.call('POST', '/uploads/1/links', { json: {} })).status).toBe(404);
  });
});

test.each([
  ['expiresIn', { expiresIn: 0 }],
  ['expiresIn', { expiresIn: -5 }],
  ['expiresIn', { expiresIn: 1.5 }],
  ['expiresIn', { expiresIn: '60' }],
  ['expiresIn', { expiresIn: 604_801 }],
  ['expiresIn', { expiresIn: 1e300 }],
  ['maxUses', { maxUses: 0 }],
  ['maxUses', { maxUses: 1_000_001 }],
  ['maxUses', { maxUses: null }],
  ['disposition', { disposition: 'other' }],
  ['maxuses', { maxuses: 1 }],
])('a link with a wrong %s is refused: %j', async (field, json) => {
  const { uid } = await client.put('a.txt', 'x');
  const refused = await client.call('POST', `/files/${uid}/links`, { json });
  expect(refused.json).toMatchObject({ status: 400, code: 'InvalidArgument', details: { field } });
  expect(refused.json.detail).toContain(field);
});
