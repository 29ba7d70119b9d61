import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { createKey, hex, RestClient, random } from './client.ts';

let service: RunningService;
let client: RestClient;
let stranger: RestClient;

beforeAll(async () => {
  service = await startService();
  client = new RestClient(service.url, await createKey(service, 'here', 'read,write,delete'));
  stranger = new RestClient(service.url, await createKey(service, 'stranger', 'read,write'));
});
afterAll(async () => {
  client?.close();
  stranger?.close();
  await service?.close();
});

const begin = (who: RestClient, bytes: Buffer, more: object = {}) =>
  who.call('POST', '/uploads', { json: { name: 'again.txt', sha256: hex('sha256', bytes), ...more } });

test('content of the same owner becomes a file at once', async () => {
  const bytes = Buffer.from('known text');
  const first = await client.put('first.txt', bytes);
  const instant = await begin(client, bytes, { size: bytes.length });
  expect(instant.status).toBe(201);
  expect(instant.json).toMatchObject({ state: 'completed', name: 'again.txt', parts: [], size: 10 });
  expect(instant.json.uid).not.toBe(first.uid);
  expect(instant.json.file).toMatchObject({
    uid: instant.json.uid,
    name: 'again.txt',
    verified: true,
    contentType: 'text/plain',
    sha256: hex('sha256', bytes),
  });
  expect((await client.content(instant.json.uid)).bytes.equals(bytes)).toBe(true);
  const status = await client.call('GET', `/uploads/${instant.json.uid}`);
  expect([status.status, status.json]).toEqual([200, instant.json]);
  await client.call('DELETE', `/files/${first.uid}`);
  expect((await client.content(instant.json.uid)).bytes.equals(bytes)).toBe(true);
});

test('content of several parts counts once it is verified', async () => {
  const parts = [random(70_000), random(50_000)];
  const { uid } = await client.putParts(parts);
  await client.settled(uid);
  const instant = await begin(client, Buffer.concat(parts));
  expect(instant.json.state).toBe('completed');
  expect((await client.content(instant.json.uid)).bytes.equals(Buffer.concat(parts))).toBe(true);
});

test('content of somebody else, unknown content and another size have to be uploaded', async () => {
  const bytes = random(1000);
  await client.put('mine.bin', bytes);
  for (const answer of [
    await begin(stranger, bytes),
    await begin(client, random(1000)),
    await begin(client, bytes, { size: 999 }),
    await begin(client, bytes, { md5: hex('md5', 'other') }),
    await begin(client, bytes, { instant: false }),
    await client.call('POST', '/uploads', { json: { name: 'a', md5: hex('md5', bytes) } }),
  ]) {
    expect([answer.status, answer.json.state]).toEqual([201, 'open']);
    expect(answer.json).not.toHaveProperty('file');
  }
});

test('declared but unverified digests give nobody anything', async () => {
  const secret = random(2000);
  const uid = await client.open({ name: 'a', sha256: hex('sha256', secret), instant: false });
  await client.part(uid, 1, 'something');
  await client.part(uid, 2, 'else');
  await client.complete(uid);
  expect((await begin(client, secret)).json.state).toBe('open');
  expect((await client.settled(uid)).state).toBe('rejected');
  expect((await begin(client, secret)).json.state).toBe('open');
});

test('an instant upload is repeatable by key', async () => {
  const bytes = random(300);
  await client.put('a.bin', bytes);
  const headers = { 'idempotency-key': 'instant-1' };
  const json = { name: 'b.bin', sha256: hex('sha256', bytes) };
  const first = await client.call('POST', '/uploads', { json, headers });
  const again = await client.call('POST', '/uploads', { json, headers });
  expect(first.json.state).toBe('completed');
  expect([first.status, again.status]).toEqual([201, 200]);
  expect(again.json).toEqual(first.json);
});
