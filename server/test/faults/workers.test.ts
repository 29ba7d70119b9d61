import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RestClient, random as randomBytes } from '../e2e/rest/client.ts';
import { API_KEY, type RunningService } from '../e2e/service.ts';
import { Load, lostOf } from '../e2e/workers/load.ts';
import { clientsOfEach, isAlive, registeredNodes, startNode, workersOf } from '../e2e/workers/node.ts';
import { metric, settles } from './probe.ts';
import { head, RawClient } from './raw-client.ts';
import { fsck, osproxy } from './store-folder.ts';

const MIB = 1024 * 1024;
const WORKERS = 3;

let dataDir: string;
const running: RunningService[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'osproxy-workers-'));
});
afterEach(async () => {
  for (const service of running.splice(0)) {
    const workers = await workersOf(service);
    await service.kill();
    await gone(workers, 20_000);
  }
  await rm(dataDir, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}): Promise<RunningService> {
  const service = await startNode(WORKERS, { dataDir, env });
  running.push(service);
  return service;
}

function gone(pids: readonly number[], ms: number): Promise<void> {
  return settles(ms, async () => {
    const alive = await Promise.all(pids.map(isAlive));
    return alive.includes(true) ? `process ${pids.filter((_, index) => alive[index])} lives` : undefined;
  });
}

/** A connection that was cut, or a service that is not there at the moment. */
const mayRetry = (error: NodeJS.ErrnoException) =>
  ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(error.code ?? '');

function loadOn({ url, apiKey }: RunningService, lanes = 9): Load {
  return new Load({ url, apiKey, lanes, mostBytes: 200_000, mayRetry });
}

test('a killed process is replaced, and nothing acknowledged is lost', { timeout: 120_000 }, async () => {
  const service = await start();
  const load = loadOn(service);
  const killed = new Set<number>();
  for (let round = 1; round <= 3; round += 1) {
    await settles(20_000, async () => (load.done > 40 * round ? undefined : `${load.done} files`));
    const [oldest] = await workersOf(service);
    if (oldest === undefined) throw new Error('no worker');
    killed.add(oldest);
    process.kill(oldest, 'SIGKILL');
    await gone([oldest], 5000);
    await settles(30_000, async () => {
      const processes = await metric(service.url, 'osproxy_processes').catch(() => 0);
      return processes === WORKERS ? undefined : `${processes} processes`;
    });
  }
  const loaded = await load.stop();
  expect(loaded.failures).toEqual([]);
  expect(await lostOf(loaded, service)).toEqual([]);
  expect(killed.size).toBe(3);
  expect(registeredNodes(dataDir)).toHaveLength(1);
  expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  expect(await metric(service.url, 'osproxy_http_requests_total{method="PUT"')).toBeGreaterThan(50);
  expect(await service.stop()).toBe(0);
  expect(registeredNodes(dataDir)).toEqual([]);
  expect(await fsck(dataDir, 3600, ['--deep'])).toMatchObject({ code: 0 });
});

test('connections are served while some processes are replaced, and wait while all are', {
  timeout: 60_000,
}, async () => {
  const service = await start();
  const get = async () =>
    (await fetch(`${service.url}/healthz`, { headers: { connection: 'close' } })).status;
  const [first, second] = await workersOf(service);
  const killed = [first, second].filter((pid) => pid !== undefined);
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  await gone(killed, 5000);
  for (let call = 0; call < 30; call += 1) expect(await get()).toBe(200);
  await settles(20_000, async () => ((await workersOf(service)).length === WORKERS ? undefined : 'too few'));
  const all = await workersOf(service);
  for (const pid of all) process.kill(pid, 'SIGKILL');
  await gone(all, 5000);
  expect(await get()).toBe(200);
});

test('when the primary is killed its processes finish their transfers and end; the port is free', {
  timeout: 90_000,
}, async () => {
  const service = await start({ OSPROXY_HTTP_DRAIN_SECONDS: '15' });
  const workers = await workersOf(service);
  const bytes = randomBytes(8 * MIB);
  const up = await RawClient.open(service.url);
  const key = { authorization: `Bearer ${API_KEY}` };
  await up.send(head('PUT', '/api/v1/files/slow', { ...key, 'content-length': bytes.length }));
  await up.send(bytes.subarray(0, MIB));
  await settles(5000, async () =>
    (await metric(service.url, 'osproxy_open_transfers{')) === 1 ? undefined : 'no open transfer',
  );
  await service.kill();
  await settles(2000, async () => {
    const client = await RawClient.open(service.url).catch(() => undefined);
    client?.leave('reset');
    return client === undefined ? undefined : 'the port is taken';
  });
  await up.send(bytes.subarray(MIB));
  await up.closedWithin(10_000);
  expect(up.statuses).toEqual([201]);
  await gone(workers, 15_000);

  const again = await start({ OSPROXY_PORT: new URL(service.url).port });
  const rest = new RestClient(again.url, again.apiKey);
  const stored = /"uid":"(\d+)"/.exec(up.received)?.[1] ?? '';
  expect((await rest.content(stored)).bytes.equals(bytes)).toBe(true);
  rest.close();
});

test('SIGTERM to the whole group under load cuts no transfer that ends in time', {
  timeout: 90_000,
}, async () => {
  const service = await start({ OSPROXY_HTTP_DRAIN_SECONDS: '30' });
  const workers = await workersOf(service);
  const load = new Load({
    url: service.url,
    apiKey: service.apiKey,
    lanes: 9,
    mostBytes: 2 * MIB,
    mayRetry,
  });
  const slow = await clientsOfEach(service, WORKERS);
  const bytes = randomBytes(3 * MIB);
  await settles(20_000, async () => (load.done > 40 ? undefined : `${load.done} files`));
  const uploads = slow.map((client) => client.call('PUT', '/files/slow.bin', { body: drip(bytes, 12, 150) }));
  await sleep(300);
  const ended = once(service.process, 'exit');
  for (const pid of [...workers, service.process.pid ?? 0]) process.kill(pid, 'SIGTERM');
  for (const { status } of await Promise.all(uploads)) expect(status).toBe(201);
  expect((await ended)[0]).toBe(0);
  const loaded = await load.stop();
  // The clients go on when nobody is there any more; what was begun is never cut.
  expect(loaded.failures.filter((failure) => !/ECONNREFUSED|ECONNRESET|EPIPE/.test(failure))).toEqual([]);
  expect(service.lines.filter((line) => line.includes('"aborted"'))).toEqual([]);
  for (const client of slow) client.close();
  await gone(workers, 1000);
  const again = await start();
  expect(await lostOf(loaded, again)).toEqual([]);
});

/** The bytes in pieces, slowly. */
async function* drip(bytes: Buffer, pieces: number, everyMs: number): AsyncGenerator<Buffer> {
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
    await sleep(everyMs);
  }
}

test('a second SIGTERM ends every process at once, with 1', { timeout: 60_000 }, async () => {
  const service = await start({ OSPROXY_HTTP_DRAIN_SECONDS: '60' });
  const workers = await workersOf(service);
  const up = await RawClient.open(service.url);
  const key = { authorization: `Bearer ${API_KEY}` };
  await up.send(head('PUT', '/api/v1/files/slow', { ...key, 'content-length': MIB }));
  await up.send(randomBytes(1000));
  await sleep(200);
  service.process.kill('SIGTERM');
  await sleep(900);
  expect(service.process.exitCode).toBeNull();
  const ended = once(service.process, 'exit');
  service.process.kill('SIGTERM');
  expect((await ended)[0]).toBe(1);
  await gone(workers, 2000);
});

test('/readyz says that the service stops before it does, for as long as is set', {
  timeout: 60_000,
}, async () => {
  const service = await start({ OSPROXY_HTTP_SHUTDOWN_DELAY_SECONDS: '2' });
  const startedAt = Date.now();
  const ended = once(service.process, 'exit');
  service.process.kill('SIGTERM');
  await settles(1500, async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => fetch(`${service.url}/readyz`, { headers: { connection: 'close' } })),
    );
    return answers.every(({ status }) => status === 503) ? undefined : 'ready';
  });
  expect((await fetch(`${service.url}/healthz`, { headers: { connection: 'close' } })).status).toBe(200);
  expect((await ended)[0]).toBe(0);
  expect(Date.now() - startedAt).toBeGreaterThan(1900);
});

test('a log file has one writer, and every line is whole', { timeout: 60_000 }, async () => {
  const path = join(dataDir, 'service.log');
  const service = await start({ OSPROXY_LOG_FILE_PATH: path });
  const load = loadOn(service, 12);
  await settles(20_000, async () => (load.done > 200 ? undefined : `${load.done} files`));
  const { acknowledged } = await load.stop();
  expect(await service.stop()).toBe(0);
  for (const text of [await readFile(path, 'utf8'), `${service.lines.join('\n')}\n`]) {
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { process: number; route?: string });
    expect(new Set(lines.map((line) => line.process))).toEqual(new Set([0, 1, 2, 3]));
    const puts = lines.filter(({ route }) => route === '/api/v1/files/:name').length;
    expect(puts).toBeGreaterThanOrEqual(acknowledged.size);
  }
});

function startToItsEnd(env: Record<string, string>) {
  const base = {
    OSPROXY_WORKERS: '3',
    OSPROXY_PORT: '0',
    OSPROXY_DATA_DIR: dataDir,
    OSPROXY_API_KEY: API_KEY,
  };
  return osproxy(['serve'], { ...base, ...env }, dataDir);
}

test('a port in use stops the start with one sentence', { timeout: 60_000 }, async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as { port: number };
  const { code, errors } = await startToItsEnd({ OSPROXY_PORT: String(port) });
  blocker.close();
  expect(code).toBe(1);
  expect(errors).toBe(
    `Port ${port} on 127.0.0.1 is already in use; stop the other program or set another port (OSPROXY_PORT).\n`,
  );
});

test('what every process refuses is told once', { timeout: 60_000 }, async () => {
  const stores = JSON.stringify([{ name: 'a', type: 's3', bucket: 'b', nonsense: true }]);
  const { code, errors } = await startToItsEnd({ OSPROXY_STORES: stores });
  expect(code).toBe(1);
  expect(errors).toMatch(/nonsense/);
  expect(
    errors
      .trimEnd()
      .split('\n')
      .filter((line) => line.includes('nonsense')),
  ).toHaveLength(1);
});

test('processes that die at their start are not started for ever', { timeout: 60_000 }, async () => {
  await writeFile(join(dataDir, 'deadly.ts'), 'process.kill(process.pid, "SIGKILL");\n');
  const stores = JSON.stringify([{ name: 'a', type: './deadly.ts' }]);
  const { code, errors } = await startToItsEnd({ OSPROXY_STORES: stores });
  expect(code).toBe(1);
  expect(errors).toMatch(
    /^osproxy failed: its processes ended \d+ times in a row soon after their start, the last one with signal SIGKILL\.$/m,
  );
});
