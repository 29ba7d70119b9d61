import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeName } from '#test/profiles/place.ts';
import { RestClient } from '../rest/client.ts';
import { API_KEY, type RunningService, startService } from '../service.ts';
import { auditOf } from './audit-client.ts';
import { keyOf, makeKey } from './key-client.ts';

let service: RunningService;
let admin: RestClient;
const clients: RestClient[] = [];

beforeAll(async () => {
  service = await startService();
  admin = new RestClient(service.url, API_KEY);
});
afterAll(async () => {
  for (const client of [admin, ...clients]) client.close();
  await service.close();
});

function as(secret: string): RestClient {
  const client = new RestClient(service.url, secret);
  clients.push(client);
  return client;
}

test('are made, listed and shown without their secret, and used', async () => {
  const made = await makeKey(admin, { name: 'shop', owner: 'shop', scopes: ['read', 'write'] });
  expect(made).toMatchObject({ name: 'shop', owner: 'shop', scopes: ['read', 'write'], state: 'active' });
  const program = as(made.secret);
  const file = await program.put('a.txt', 'a');
  expect((await program.call('GET', `/files/${file.uid}`)).status).toBe(200);
  expect((await program.call('DELETE', `/files/${file.uid}`)).status).toBe(403);
  for (const path of ['/keys', `/keys/${made.id}`]) {
    const { status, bytes } = await admin.call('GET', path);
    expect(status).toBe(200);
    expect(bytes.toString()).toContain(made.id);
    expect(bytes.toString()).not.toMatch(/osp_|secretHash|[0-9a-f]{64}/);
  }
  for (let attempt = 0; (await keyOf(admin, made.id)).lastUsedAt === undefined && attempt < 100; attempt += 1)
    await sleep(50);
  expect(await keyOf(admin, made.id)).toMatchObject({ lastUsedFrom: '127.0.0.1' });
});

test.each([
  [{ scopes: ['read'] }, /name/],
  [{ name: 'a', scopes: [] }, /scopes/],
  [{ name: 'a', scopes: ['root'] }, /scopes/],
  [{ name: 'a', scopes: ['read'], owner: '~5' }, /owner/],
  [{ name: 'a', scopes: ['read'], owner: '' }, /owner/],
  [{ name: 'a', scopes: ['read'], expiresAt: '2001-01-01T00:00:00Z' }, /expiry/],
  [{ name: 'a', scopes: ['read'], expiresAt: 'tomorrow' }, /expiresAt/],
  [{ name: 'a', scopes: ['read'], store: 'nowhere' }, /store/],
  [{ name: 'a', scopes: ['read'], namePrefix: '' }, /namePrefix/],
  [{ name: 'a', scopes: ['admin'], namePrefix: 'x' }, /admin/],
  [{ name: 'a', scopes: ['read', 'admin'], store: storeName }, /admin/],
  [{ name: 'a\nb', scopes: ['read'] }, /control/],
  [{ name: 'a', scopes: ['read'], secret: 'mine' }, /secret/],
])('refuses %j', async (json, what) => {
  const { status, bytes } = await admin.call('POST', '/keys', { json });
  expect([status, bytes.toString()]).toEqual([400, expect.stringMatching(what)]);
});

test('that are no admin’s cannot make, see, rotate or revoke any, their own neither', async () => {
  const all = ['read', 'write', 'delete', 'links'];
  const made = await makeKey(admin, { name: 'curious', scopes: all });
  const program = as(made.secret);
  const tries = [
    ['POST', '/keys', { json: { name: 'more', scopes: ['admin'] } }],
    ['POST', '/keys', { json: { name: 'same', scopes: ['read'] } }],
    ['POST', `/keys/${made.id}/rotate`, {}],
    ['DELETE', `/keys/${made.id}`, {}],
    ['GET', `/keys/${made.id}`, {}],
    ['GET', '/keys', {}],
  ] as const;
  for (const [method, path, options] of tries)
    expect([path, (await program.call(method, path, options)).status]).toEqual([path, 403]);
  expect((await program.call('PATCH', `/keys/${made.id}`, { json: { scopes: ['admin'] } })).status).toBe(405);
  expect(await keyOf(admin, made.id)).toMatchObject({ scopes: all, state: 'active' });
});

test('are rotated with an overlap, and revoked with both secrets', async () => {
  const made = await makeKey(admin, { name: 'turning', scopes: ['write'] });
  const rotated = await admin.call('POST', `/keys/${made.id}/rotate`, { json: { overlapSeconds: 3600 } });
  expect(rotated.status).toBe(200);
  const { secret } = JSON.parse(rotated.bytes.toString()) as { secret: string };
  const [old, young] = [as(made.secret), as(secret)];
  await old.put('a.txt', 'a');
  await young.put('a.txt', 'a');
  expect(await keyOf(admin, made.id)).toMatchObject({ formerSecret: { goodUntil: expect.any(String) } });
  expect((await admin.call('POST', `/keys/${made.id}/rotate`)).status).toBe(409);
  expect((await admin.call('POST', `/keys/${made.id}/rotate`, { json: { overlapSeconds: -1 } })).status).toBe(
    400,
  );
  for (let turn = 0; turn < 2; turn += 1)
    expect((await admin.call('DELETE', `/keys/${made.id}`)).status).toBe(204);
  for (const client of [old, young])
    expect((await client.call('PUT', '/files/a.txt', { body: 'a' })).status).toBe(401);
  expect((await admin.call('POST', `/keys/${made.id}/rotate`)).status).toBe(409);
  expect((await keyOf(admin, made.id)).state).toBe('revoked');
  const { entries } = await auditOf(admin, `?subject=${made.id}`);
  expect(entries.map(({ action }) => action)).toEqual(['key.revoked', 'key.rotated', 'key.created']);
  expect(JSON.stringify(entries)).not.toContain('osp_');
});

test('of which one is revoked in the middle of an upload go no further', async () => {
  const made = await makeKey(admin, { name: 'halfway', scopes: ['write'] });
  const program = as(made.secret);
  const uid = await program.open({ name: 'big.bin' });
  expect((await program.part(uid, 1, 'first')).status).toBe(200);
  await admin.call('DELETE', `/keys/${made.id}`);
  expect((await program.part(uid, 2, 'second')).status).toBe(401);
  expect((await program.complete(uid)).status).toBe(401);
  expect((await program.call('GET', `/uploads/${uid}`)).status).toBe(401);
  expect((await admin.call('GET', `/uploads/${uid}`)).json.parts).toHaveLength(1);
});

test('that are revoked while a part is on its way let it end, and nothing after it', async () => {
  const made = await makeKey(admin, { name: 'streaming', scopes: ['write'] });
  const program = as(made.secret);
  const uid = await program.open({ name: 'slow.bin' });
  const begun = Promise.withResolvers<void>();
  const revoked = Promise.withResolvers<void>();
  async function* slowly() {
    yield Buffer.from('first half, ');
    begun.resolve();
    await revoked.promise;
    yield Buffer.from('second half');
  }
  const part = program.call('PUT', `/uploads/${uid}/parts/1`, { body: slowly() });
  await begun.promise;
  expect((await program.call('GET', `/uploads/${uid}`)).status).toBe(200);
  await admin.call('DELETE', `/keys/${made.id}`);
  revoked.resolve();
  expect((await part).status).toBe(200);
  expect((await program.complete(uid)).status).toBe(401);
});

test('expire', async () => {
  const expiresAt = new Date(Date.now() + 1500).toISOString();
  const made = await makeKey(admin, { name: 'brief', scopes: ['read'], expiresAt });
  const program = as(made.secret);
  expect((await program.call('GET', '/files')).status).toBe(200);
  await sleep(1600);
  expect((await program.call('GET', '/files')).status).toBe(401);
  expect((await keyOf(admin, made.id)).state).toBe('expired');
});

test('are not found by ids that are none', async () => {
  expect((await admin.call('GET', '/keys/aaaaaaaaaaaa')).status).toBe(404);
  expect((await admin.call('DELETE', '/keys/aaaaaaaaaaaa')).status).toBe(404);
  for (const id of ['AAAAAAAAAAAA', '..', "a'--", 'configured'])
    expect((await admin.call('GET', `/keys/${encodeURIComponent(id)}`)).status).toBeGreaterThanOrEqual(400);
});
