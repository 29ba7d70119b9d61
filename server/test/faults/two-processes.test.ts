import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client, dataOf, type UploadLink } from '../e2e/osproxy-v0/client.ts';
import { RestClient, random as randomBytes, times } from '../e2e/rest/client.ts';
import { type RunningService, startService } from '../e2e/service.ts';
import { bigFile } from './big-file.ts';
import { settles } from './probe.ts';
import { fsck, namedKeys, objectKeys, query, tempFiles } from './store-folder.ts';

const LEASE_SECONDS = 5;
/** Longer than the leases of tasks and of worker numbers. */
const STOPPED_MS = 33_000;
const DELETE_SEEN_WITHIN_MS = 5000;

interface Node {
  service: RunningService;
  rest: RestClient;
  v0: Client;
}

let dataDir: string;
let a: Node;
let b: Node;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'osproxy-two-'));
  [a, b] = await Promise.all([start(), start()]);
});
afterAll(async () => {
  for (const { service, rest } of [a, b]) {
    rest.close();
    await service.kill();
  }
  await rm(dataDir, { recursive: true, force: true });
});

/** Another process over the same database file and folder. */
async function start(): Promise<Node> {
  const service = await startService({
    dataDir,
    env: {
      OSPROXY_TASKS_LEASE_SECONDS: String(LEASE_SECONDS),
      // Verification shall be slow enough to be interrupted.
      OSPROXY_HASHING_THREADS: '1',
    },
  });
  const { url, apiKey } = service;
  return { service, rest: new RestClient(url, apiKey), v0: new Client(url, apiKey) };
}

/** `rounds` requests of fifty uids each, to all nodes in turn and at once; one that may not make uids for a moment is asked again. */
async function manyUids(nodes: readonly Node[], rounds: number): Promise<string[]> {
  const uids: string[] = [];
  const waiting = Array.from({ length: rounds }, (_, index) => index);
  const lane = async (): Promise<void> => {
    for (let round = waiting.shift(); round !== undefined; round = waiting.shift()) {
      const node = nodes[round % nodes.length] ?? a;
      const filePath = Array.from({ length: 50 }, (_, index) => `${round}-${index}.bin`);
      for (const { uid } of await fiftyUids(node, filePath)) uids.push(uid);
    }
  };
  await Promise.all(Array.from({ length: 4 * nodes.length }, lane));
  return uids;
}

async function fiftyUids({ v0 }: Node, filePath: readonly string[]): Promise<UploadLink[]> {
  for (let tries = 1; ; tries += 1) {
    const answer = await v0.post<UploadLink[]>('/link/upload', { filePath });
    if (answer.status !== 503 || tries === 50) return dataOf(answer);
    expect(answer.body.message).toMatch(/may not make new ids/);
    await sleep(100);
  }
}

interface Attempt {
  readonly fence: number;
  readonly outcome: string;
}

function attemptsOf(uid: string): Attempt[] {
  const rows = query(
    dataDir,
    `select a.fence, a.outcome from task_attempts a join tasks t on t.id = a.task_id
     where t.type = 'compose' and t.key = ? order by a.fence`,
    uid,
  );
  return rows.map(({ fence, outcome }) => ({ fence: Number(fence), outcome: String(outcome) }));
}

function verifiedWithin(rest: RestClient, uid: string, ms: number): Promise<void> {
  return settles(ms, async () =>
    (await rest.call('GET', `/files/${uid}`)).json.verified ? undefined : `${uid} is not verified`,
  );
}

test('10 000 uids from both never collide', async () => {
  const uids = await manyUids([a, b], 200);
  expect(uids.length).toBe(10_000);
  expect(new Set(uids).size).toBe(10_000);
});

test('an upload goes through either process, part by part, and is read from both', async () => {
  const parts = await times(6, async () => randomBytes(300_000));
  const uid = await a.rest.open({ name: 'both.bin' });
  const answers = await times(6, (index) =>
    (index % 2 === 0 ? a : b).rest.part(uid, index + 1, parts[index] ?? Buffer.alloc(0)),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  const completed = await Promise.all([a.rest.complete(uid), b.rest.complete(uid)]);
  expect(completed.map(({ status }) => status)).toEqual([200, 200]);
  for (const { rest } of [a, b])
    expect((await rest.content(uid)).bytes.equals(Buffer.concat(parts))).toBe(true);
  await verifiedWithin(b.rest, uid, 15_000);
});

test('the same content sent to both at once is kept once', async () => {
  const bytes = randomBytes(400_000);
  const files = await times(40, (index) => (index % 2 === 0 ? a : b).rest.put(`same-${index}`, bytes));
  const [sha256 = ''] = files.map((file) => file.sha256);
  const placed = query(
    dataDir,
    'select p.key from blobs b join placements p on p.blob_id = b.id where b.sha256 = ?',
    sha256,
  );
  expect(placed.length).toBe(1);
  for (const [index, { uid }] of files.entries()) {
    expect((await (index % 2 === 0 ? b : a).rest.content(uid)).bytes.equals(bytes)).toBe(true);
  }
});

test('a delete through one is seen by the other within five seconds, also by its cache', async () => {
  const uids = await times(10, async (index) => (await a.rest.put(`gone-${index}`, randomBytes(5000))).uid);
  for (const uid of uids) {
    for (let round = 0; round < 3; round += 1) expect((await b.rest.content(uid)).status).toBe(200);
  }
  const deletedAt = Date.now();
  for (const uid of uids) expect((await a.rest.call('DELETE', `/files/${uid}`)).status).toBe(204);
  await settles(DELETE_SEEN_WITHIN_MS, async () => {
    const seen = await Promise.all(uids.map(async (uid) => (await b.rest.content(uid)).status));
    return seen.every((status) => status === 404) ? undefined : `statuses ${seen}`;
  });
  console.log(`deletes were seen by the other process after ${Date.now() - deletedAt} ms`);
});

test('every task runs once, whoever takes it', async () => {
  const uids = await times(30, async (index) => {
    const bytes = randomBytes(200_000);
    const { rest } = index % 2 === 0 ? a : b;
    return (await rest.putParts([bytes.subarray(0, 70_000), bytes.subarray(70_000)], { name: `t-${index}` }))
      .uid;
  });
  for (const uid of uids) {
    await verifiedWithin(b.rest, uid, 20_000);
    expect((await a.rest.call('GET', `/files/${uid}`)).json.state).toBe('ready');
  }
  await settles(5000, async () => {
    const open = uids.filter((uid) => attemptsOf(uid).some(({ outcome }) => outcome === 'running'));
    return open.length === 0 ? undefined : `${open.length} tasks run`;
  });
  for (const uid of uids) expect(attemptsOf(uid)).toEqual([{ fence: 1, outcome: 'done' }]);
});

test('one dies and comes back while the other goes on; then the other', async () => {
  const bytes = randomBytes(300_000);
  const uid = await a.rest.open({ name: 'survivor.bin' });
  expect((await a.rest.part(uid, 1, bytes)).status).toBe(200);
  await a.service.kill();
  a.rest.close();
  expect((await b.rest.part(uid, 2, bytes)).status).toBe(200);
  expect((await b.rest.put('alone', bytes)).size).toBe(bytes.length);
  a = await start();
  await b.service.kill();
  b.rest.close();
  expect((await a.rest.complete(uid, { parts: 2 })).status).toBe(200);
  expect((await a.rest.content(uid)).bytes.equals(Buffer.concat([bytes, bytes]))).toBe(true);
  b = await start();
  const uids = await manyUids([a, b], 20);
  expect(new Set(uids).size).toBe(1000);
  await verifiedWithin(b.rest, uid, 15_000);
});

/** Stops the process in the middle of its compose, and not while it holds the database: then nobody could go on before it does. */
async function stopInsideCompose(): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const uid = await bigFile(a.rest, 40 * tries);
    await settles(3000, async () => (attemptsOf(uid).length === 0 ? 'not claimed' : undefined));
    await sleep(30);
    a.service.process.kill('SIGSTOP');
    const writable = await Promise.race([b.rest.open({ name: 'probe' }), sleep(2000, undefined)]);
    if (writable !== undefined && attemptsOf(uid).at(-1)?.outcome === 'running') return uid;
    a.service.process.kill('SIGCONT');
    if (tries === 4) throw new Error('The process could not be stopped inside a compose.');
    await verifiedWithin(b.rest, uid, 30_000);
  }
}

test('one that sleeps beyond its leases and wakes does nothing twice and gives no uid twice', {
  timeout: 150_000,
}, async () => {
  const before = await manyUids([a, b], 10);
  const uid = await stopInsideCompose();
  const stoppedAt = Date.now();
  // Its task goes to the other once the lease is over.
  await verifiedWithin(b.rest, uid, 30_000);
  const settled = (await b.rest.call('GET', `/files/${uid}`)).json;
  const during = await manyUids([b], 10);
  await sleep(Math.max(0, STOPPED_MS - (Date.now() - stoppedAt)));
  const third = await start();
  try {
    a.service.process.kill('SIGCONT');
    const after = await manyUids([a, b, third], 60);
    // What the sleeper had in its hands must come to an end and change nothing.
    await sleep(3000);
    const later = await manyUids([a, b, third], 30);
    const all = [...before, ...during, ...after, ...later];
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBe(110 * 50);
  } finally {
    third.rest.close();
    await third.service.stop();
  }
  expect(attemptsOf(uid)).toEqual([
    { fence: 1, outcome: 'lost' },
    { fence: 2, outcome: 'done' },
  ]);
  for (const { rest } of [a, b]) {
    const { json } = await rest.call('GET', `/files/${uid}`);
    expect(json).toEqual(settled);
    expect((await rest.content(uid, { range: 'bytes=8388600-8388700' })).status).toBe(206);
  }
});

test('in the end the database and the folder agree', async () => {
  for (const { service, rest } of [a, b]) {
    rest.close();
    expect(await service.stop()).toBe(0);
  }
  expect(await tempFiles(dataDir)).toEqual([]);
  const objects = await objectKeys(dataDir);
  for (const key of namedKeys(dataDir)) expect(objects).toContain(key);
  expect(await fsck(dataDir, 3600, ['--deep'])).toMatchObject({ code: 0, errors: '' });
});
