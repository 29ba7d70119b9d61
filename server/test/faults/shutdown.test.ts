import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RestClient, random as randomBytes } from '../e2e/rest/client.ts';
import { type RunningService, startService } from '../e2e/service.ts';
import { bigFile } from './big-file.ts';
import { metric, settles } from './probe.ts';
import { head, RawClient } from './raw-client.ts';
import { fsck, namedKeys, objectKeys, query, tempFiles } from './store-folder.ts';

const MIB = 1024 * 1024;
const SIZE = 24 * MIB;

let dataDir: string;
const running: RunningService[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'osproxy-shutdown-'));
});
afterEach(async () => {
  for (const service of running.splice(0)) await service.kill();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}): Promise<RunningService> {
  const service = await startService({ dataDir, env });
  running.push(service);
  return service;
}

function clientOf({ url, apiKey }: RunningService): RestClient {
  return new RestClient(url, apiKey);
}

/** A raw upload and a raw download, both under way and far from their end. */
async function transfers(service: RunningService, uid: string, upload: Buffer) {
  const key = { authorization: `Bearer ${service.apiKey}` };
  const up = await RawClient.open(service.url);
  await up.send(head('PUT', '/api/v1/files/slow-upload', { ...key, 'content-length': upload.length }));
  await up.send(upload.subarray(0, MIB));
  const down = await RawClient.open(service.url);
  down.socket.once('data', () => down.socket.pause());
  await down.send(head('GET', `/api/v1/files/${uid}/content`, key));
  await settles(5000, async () => (down.bytes === 0 ? 'no byte of the download' : undefined));
  await settles(5000, async () => {
    const open = await metric(service.url, 'osproxy_open_transfers{');
    return open < 2 ? `${open} transfers instead of 2` : undefined;
  });
  return { up, down };
}

async function refusesConnections(url: string): Promise<void> {
  await settles(2000, async () => {
    const client = await RawClient.open(url).catch(() => undefined);
    client?.leave('reset');
    return client === undefined ? undefined : 'new connections are taken';
  });
}

test('SIGTERM lets a slow upload and a slow download finish, takes no connection, and ends with 0', async () => {
  const service = await start({ OSPROXY_HTTP_DRAIN_SECONDS: '20' });
  const rest = clientOf(service);
  const [upload, download] = [randomBytes(SIZE), randomBytes(SIZE)];
  const { uid } = await rest.put('download', download);
  rest.close();
  const { up, down } = await transfers(service, uid, upload);
  const ended = once(service.process, 'exit');
  service.process.kill('SIGTERM');
  await refusesConnections(service.url);
  await sleep(700);
  expect(service.process.exitCode).toBeNull();
  await up.send(upload.subarray(MIB));
  down.socket.resume();
  await Promise.all([up.closedWithin(10_000), down.closedWithin(10_000)]);
  expect(up.statuses).toEqual([201]);
  const body = down.received.slice(down.received.indexOf('\r\n\r\n') + 4);
  expect(Buffer.from(body, 'latin1').equals(download)).toBe(true);
  const startedAt = Date.now();
  expect((await ended)[0]).toBe(0);
  expect(Date.now() - startedAt).toBeLessThan(3000);

  const again = clientOf(await start());
  const stored = /"uid":"(\d+)"/.exec(up.received)?.[1] ?? '';
  expect((await again.content(stored)).bytes.equals(upload)).toBe(true);
  again.close();
});

test('what is not finished in time is cut, the exit is 0, and nothing of it is left', async () => {
  const service = await start({ OSPROXY_HTTP_DRAIN_SECONDS: '1' });
  const rest = clientOf(service);
  const { uid } = await rest.put('download', randomBytes(SIZE));
  rest.close();
  const { up, down } = await transfers(service, uid, randomBytes(SIZE));
  const startedAt = Date.now();
  expect(await service.stop()).toBe(0);
  const took = Date.now() - startedAt;
  expect(took).toBeGreaterThan(900);
  expect(took).toBeLessThan(6000);
  down.socket.resume();
  await Promise.all([up.closedWithin(2000), down.closedWithin(2000)]);
  expect(up.statuses.filter((status) => status < 400)).toEqual([]);
  expect(down.bytes).toBeLessThan(SIZE);
  expect(await tempFiles(dataDir)).toEqual([]);
  expect(await objectKeys(dataDir)).toEqual(namedKeys(dataDir));

  const again = clientOf(await start());
  const { json } = await again.call('GET', '/files');
  expect(json.files.map(({ name }) => name)).toEqual(['download']);
  again.close();
  await running.at(-1)?.stop();
  expect(await fsck(dataDir, 1, ['--deep'])).toMatchObject({ code: 0 });
});

test('a second SIGTERM ends at once with 1, and the next start finds all in order', async () => {
  const service = await start({ OSPROXY_HTTP_DRAIN_SECONDS: '60' });
  const rest = clientOf(service);
  const bytes = randomBytes(SIZE);
  const { uid } = await rest.put('download', bytes);
  rest.close();
  await transfers(service, uid, randomBytes(SIZE));
  service.process.kill('SIGTERM');
  await sleep(900);
  expect(service.process.exitCode).toBeNull();
  const startedAt = Date.now();
  const ended = once(service.process, 'exit');
  service.process.kill('SIGTERM');
  expect((await ended)[0]).toBe(1);
  expect(Date.now() - startedAt).toBeLessThan(1000);

  const again = clientOf(await start());
  expect((await again.call('GET', '/files')).json.files.map(({ name }) => name)).toEqual(['download']);
  expect((await again.content(uid)).bytes.equals(bytes)).toBe(true);
  again.close();
});

test('SIGTERM while a file is verified gives the task back; the next start takes it up at once', {
  timeout: 120_000,
}, async () => {
  const state = (uid: string) =>
    query(dataDir, `select state, lease_until, fence from tasks where type = 'compose' and key = ?`, uid)[0];
  for (let attempt = 1; ; attempt += 1) {
    const service = await start({ OSPROXY_TASKS_LEASE_SECONDS: '60' });
    const rest = clientOf(service);
    const uid = await bigFile(rest, 48 * attempt);
    await settles(3000, async () => (state(uid)?.state === 'pending' ? 'not yet claimed' : undefined));
    const stopped = Date.now();
    rest.close();
    expect(await service.stop()).toBe(0);
    expect(Date.now() - stopped).toBeLessThan(5000);
    const left = state(uid);
    if (left?.state === 'done' && attempt < 4) continue;
    expect(left).toEqual({ state: 'pending', lease_until: null, fence: 1n });

    const again = clientOf(await start({ OSPROXY_TASKS_LEASE_SECONDS: '60' }));
    await settles(20_000, async () =>
      (await again.call('GET', `/files/${uid}`)).json.verified ? undefined : 'it is not verified',
    );
    expect((await again.call('GET', `/files/${uid}`)).json.state).toBe('ready');
    again.close();
    return;
  }
});
