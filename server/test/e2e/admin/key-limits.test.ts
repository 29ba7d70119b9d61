import { afterAll, beforeAll, expect, test } from 'vitest';
import { hex, RestClient, type Wire } from '../rest/client.ts';
import { API_KEY, type RunningService, startService } from '../service.ts';
import { makeKey } from './key-client.ts';

const V0 = '/api/storage/v0';

let service: RunningService;
/** Of the same owner, without limits; `limited` sees and makes only names that begin with "in/". */
let full: RestClient;
let limited: RestClient;
let admin: RestClient;
let inside: Wire;
let outside: Wire;

beforeAll(async () => {
  service = await startService();
  admin = new RestClient(service.url, API_KEY);
  const scopes = ['read', 'write', 'delete', 'links'];
  const key = async (more: object) =>
    new RestClient(
      service.url,
      (await makeKey(admin, { name: 'test', owner: 'shop', scopes, ...more })).secret,
    );
  full = await key({});
  limited = await key({ namePrefix: 'in/' });
  inside = await full.put('in/a.txt', 'inside');
  outside = await full.put('secret.txt', 'outside');
});
afterAll(async () => {
  for (const client of [full, limited, admin]) client?.close();
  await service.close();
});

test('a name outside of the prefix does not exist for the key, whatever it asks', async () => {
  const { uid } = outside;
  const link = (await full.call('POST', `/files/${uid}/links`, { json: {} })).json;
  const asked = [
    ['GET', `/files/${uid}`, {}],
    ['GET', `/files/${uid}/content`, {}],
    ['GET', `/files/${uid}/thumbnail`, {}],
    ['PATCH', `/files/${uid}`, { json: { name: 'in/mine.txt' } }],
    ['DELETE', `/files/${uid}`, {}],
    ['GET', `/files/${uid}/links`, {}],
    ['POST', `/files/${uid}/links`, { json: {} }],
    ['DELETE', `/files/${uid}/links`, {}],
    ['DELETE', `/files/${uid}/links/${link.id}`, {}],
    ['GET', `${V0}/proxy?uid=${uid}`, {}],
    ['POST', `${V0}/link/download`, { json: { uid: [uid], expire: 60 } }],
    ['POST', `${V0}/link/download`, { json: { uid: [inside.uid, uid], expire: 60 } }],
  ] as const;
  for (const [method, path, options] of asked)
    expect([method, path, (await limited.call(method, path, options)).status]).toEqual([method, path, 404]);
  expect((await full.call('GET', `/files/${uid}/content`)).bytes.toString()).toBe('outside');
  expect((await limited.call('GET', `/files/${inside.uid}/content`)).bytes.toString()).toBe('inside');
});

test('an upload of a name outside of it is not found either', async () => {
  const uid = await full.open({ name: 'other.bin' });
  await full.part(uid, 1, 'x');
  const asked = [
    ['GET', `/uploads/${uid}`, {}],
    ['PUT', `/uploads/${uid}/parts/1`, { body: 'y' }],
    ['PUT', `/uploads/${uid}/content`, { body: 'y' }],
    ['POST', `/uploads/${uid}/complete`, {}],
    ['DELETE', `/uploads/${uid}`, {}],
    ['POST', `/uploads/${uid}/links`, { json: {} }],
    ['GET', `/uploads/${uid}/links`, {}],
    ['DELETE', `/uploads/${uid}/links`, {}],
    ['GET', `${V0}/checkpoint?uid=${uid}`, {}],
  ] as const;
  for (const [method, path, options] of asked)
    expect([method, path, (await limited.call(method, path, options)).status]).toEqual([method, path, 404]);
  expect((await full.call('GET', `/uploads/${uid}`)).json.state).toBe('open');
});

test.each([
  'secret.txt',
  'IN/a.txt',
  'In/a.txt',
  ' in/a.txt',
  '/in/a.txt',
  './in/a.txt',
  'in',
  'in\\a.txt',
  'in\u2215a.txt',
  'in\uff0fa.txt',
  'ｉｎ/a.txt',
  'i\u200bn/a.txt',
  'in\u0338/a.txt',
])('%j cannot be made by any call', async (name) => {
  const form = () => {
    const boundary = 'x-boundary';
    const body = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nx\r\n--${boundary}--\r\n`;
    return { body, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } };
  };
  const encoded = encodeURIComponent(name);
  const asked = [
    ['PUT', `/files/${encoded}`, { body: 'x' }],
    ['PUT', `/files/${encoded}`, { body: 'x', headers: { 'idempotency-key': `k-${encoded}` } }],
    ['POST', `/files?name=${encoded}`, form()],
    ['POST', '/uploads', { json: { name } }],
    ['POST', '/uploads', { json: { name, sha256: hex('sha256', 'outside'), size: 7 } }],
    ['PATCH', `/files/${inside.uid}`, { json: { name } }],
  ] as const;
  for (const [method, path, options] of asked) {
    const { status, bytes } = await limited.call(method, path, options);
    const wanted = [method, path, 403, expect.stringMatching(/begin with/)];
    expect([method, path, status, bytes.toString()]).toEqual(wanted);
  }
  expect((await full.call('GET', `/files/${inside.uid}`)).json.name).toBe('in/a.txt');
});

test('dots behind the prefix are part of a name and lead nowhere', async () => {
  const made = await limited.put('in/../secret.txt', 'mine');
  expect(made.name).toBe('in/../secret.txt');
  expect((await limited.call('GET', `/files/${made.uid}/content`)).bytes.toString()).toBe('mine');
  expect((await full.content(outside.uid)).bytes.toString()).toBe('outside');
});

test('a list holds what begins with it, whatever prefix is asked for', async () => {
  const names = async (query: string) =>
    (await limited.call('GET', `/files?limit=1000${query}`)).json.files.map(({ name }) => name);
  const all = await names('');
  expect(all).toContain('in/a.txt');
  expect(all.every((name) => name.startsWith('in/'))).toBe(true);
  expect(await names('&prefix=')).toEqual(all);
  expect(await names('&prefix=i')).toEqual(all);
  expect(await names('&prefix=in/')).toEqual(all);
  expect(await names('&prefix=in/a')).toContain('in/a.txt');
  expect(await names('&prefix=secret')).toEqual([]);
  expect(await names('&prefix=IN/')).toEqual([]);
  expect(await names('&prefix=%25')).toEqual([]);
});

test('a file that is given a name outside of it is gone for the key, and comes back with its name', async () => {
  const { uid } = await limited.put('in/moving.txt', 'moves');
  const link = (await limited.call('POST', `/files/${uid}/links`, { json: {} })).json;
  await full.call('PATCH', `/files/${uid}`, { json: { name: 'out.txt' } });
  expect((await limited.call('GET', `/files/${uid}`)).status).toBe(404);
  expect((await limited.content(uid)).status).toBe(404);
  // A link is for whoever has it: it lives until it ends or is revoked, which the key can do no more.
  expect((await limited.call('DELETE', `/files/${uid}/links`)).status).toBe(404);
  const opened = await new RestClient(service.url).call('GET', `/files/${uid}/content?link=${link.token}`);
  expect(opened.status).toBe(200);
  await full.call('DELETE', `/files/${uid}/links`);
  const closed = await new RestClient(service.url).call('GET', `/files/${uid}/content?link=${link.token}`);
  expect(closed.status).toBe(410);
  await full.call('PATCH', `/files/${uid}`, { json: { name: 'in/back.txt' } });
  expect((await limited.call('GET', `/files/${uid}`)).json.name).toBe('in/back.txt');
});

test('an upload of the key whose file was given another name does not tell of it', async () => {
  const uid = await limited.open({ name: 'in/late.bin' });
  await limited.part(uid, 1, 'late');
  expect((await limited.complete(uid)).status).toBe(200);
  await full.call('PATCH', `/files/${uid}`, { json: { name: 'hidden.bin' } });
  const again = [
    await limited.complete(uid),
    await limited.call('PUT', `/uploads/${uid}/content`, { body: 'late' }),
    await limited.call('GET', `/uploads/${uid}`),
  ];
  expect(again.map(({ status }) => status)).toEqual([404, 404, 200]);
  for (const { bytes } of again) expect(bytes.toString()).not.toContain('hidden.bin');
});

test('content of names outside of it is not had by its digest', async () => {
  const sha256 = hex('sha256', 'outside');
  const claimed = await limited.call('POST', '/uploads', {
    json: { name: 'in/claimed.txt', sha256, size: 7 },
  });
  expect(claimed.json.state).toBe('open');
  const own = await limited.call('POST', '/uploads', {
    json: { name: 'in/again.txt', sha256: hex('sha256', 'inside'), size: 6 },
  });
  expect(own.json.state).toBe('completed');
  const others = await full.call('POST', '/uploads', { json: { name: 'copy.txt', sha256, size: 7 } });
  expect(others.json.state).toBe('completed');
});

test('the v0 wire keeps to it too', async () => {
  const scopes = ['read', 'write'];
  const made = await makeKey(admin, { name: 'v0', owner: 'shop', scopes, namePrefix: 'shop-' });
  const program = new RestClient(service.url, made.secret);
  await full.put('shop-1.txt', 'the shop’s');
  const resume = async (content: string, path: string) => {
    const json = { data: [{ md5: hex('md5', content), path }] };
    const { status, bytes } = await program.call('POST', `${V0}/resume`, { json });
    return [status, /"uid":"\d+"/.test(bytes.toString())];
  };
  expect(await resume('the shop’s', 'any/folder/shop-2.txt')).toEqual([200, true]);
  expect(await resume('outside', 'shop-3.txt')).toEqual([200, false]);
  expect(await resume('the shop’s', 'shop-/2.txt')).toEqual([403, false]);
  const link = (filePath: string[]) => program.call('POST', `${V0}/link/upload`, { json: { filePath } });
  expect((await link(['a/shop-4.txt'])).status).toBe(200);
  for (const paths of [['2.txt'], ['shop-5.txt', 'a/2.txt'], ['shop-\\2.txt'], ['SHOP-2.txt']])
    expect([paths, (await link(paths)).status]).toEqual([paths, 403]);
  program.close();
});

test('a request of another key is not replayed for it', async () => {
  const headers = { 'idempotency-key': 'shared-key' };
  const first = await full.call('PUT', '/files/theirs.txt', { body: 'theirs', headers });
  expect(first.status).toBe(201);
  const replayed = await limited.call('PUT', '/files/theirs.txt', { body: 'theirs', headers });
  expect(replayed.status).toBe(403);
  expect(replayed.bytes.toString()).not.toContain(first.json.uid);
  const made = await full.call('PUT', '/files/in%2Fboth.txt', {
    body: 'both',
    headers: { 'idempotency-key': 'k2' },
  });
  await full.call('PATCH', `/files/${made.json.uid}`, { json: { name: 'away.txt' } });
  const gone = await limited.call('PUT', '/files/in%2Fboth.txt', {
    ...{ body: 'both', headers: { 'idempotency-key': 'k2' } },
  });
  expect(gone.status).toBe(404);
});

test('events tell of names that begin with it, and of no other, nor what a name was before', async () => {
  const last = (await full.call('GET', '/events?follow=false')).bytes.toString().match(/id: (\d+)/)?.[1];
  const hidden = await full.put('unseen-name.txt', 'x');
  await full.call('POST', `/files/${hidden.uid}/links`, { json: {} });
  await full.call('PATCH', `/files/${hidden.uid}`, { json: { name: 'in/shown.txt' } });
  await full.call('PATCH', `/files/${hidden.uid}`, { json: { name: 'unseen-again.txt' } });
  await limited.put('in/mine.txt', 'x');
  const read = async (client: RestClient) =>
    (await client.call('GET', `/events?follow=false&after=${last}`)).bytes.toString();
  let text = '';
  for (let attempt = 0; attempt < 100 && !text.includes('in/mine.txt'); attempt += 1)
    text = await read(limited);
  expect(text).toContain('in/shown.txt');
  expect(text).not.toMatch(/unseen|link\.created/);
  expect(await read(full)).toMatch(/unseen/);
});

test('usage is what the key moved itself', async () => {
  const { status, json } = await limited.call('GET', '/usage?by=key');
  expect(status).toBe(200);
  const keys = (json as unknown as { totals: { key: string }[] }).totals.map(({ key }) => key);
  expect(new Set(keys).size).toBeLessThanOrEqual(1);
  expect((await limited.call('GET', '/usage?owner=default')).status).toBe(403);
});
