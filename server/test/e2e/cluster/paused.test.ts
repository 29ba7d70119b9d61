import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ask,
  clusterOf,
  keysOn,
  putFile,
  putParts,
  read,
  some,
  startCluster,
  type TestCluster,
  type TestNode,
  until,
} from './nodes.ts';
import type { Control } from './slow-store.ts';

const MIB = 1024 * 1024;
const SLOW_STORE = fileURLToPath(new URL('./slow-store.ts', import.meta.url));
/** Longer than the lease, which is five seconds. */
const PAUSE_MS = 8_000;
const SLOW_MS = 4_000;

let cluster: TestCluster | undefined;
let folder = '';

afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
  await rm(folder, { recursive: true, force: true });
}, 60_000);

function control(now: Control): void {
  writeFileSync(join(folder, 'control.json'), JSON.stringify(now));
}

/** Two nodes on the slow stores "main" and "other", which both see. */
async function start(rules: readonly object[] = []): Promise<[TestNode, TestNode]> {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-paused-'));
  control({});
  const store = (name: string) => ({
    name,
    type: SLOW_STORE,
    path: join(folder, name),
    control: join(folder, 'control.json'),
  });
  cluster = await startCluster(2, {
    OSPROXY_STORES: JSON.stringify([store('main'), store('other')]),
    OSPROXY_PLACEMENT_RULES: JSON.stringify(rules),
    OSPROXY_PURGE_GRACE_SECONDS: '1',
    OSPROXY_PURGE_INTERVAL_SECONDS: '1',
    OSPROXY_TASKS_LEASE_SECONDS: '5',
    OSPROXY_CACHE_SMALL_OBJECTS_MIB: '0',
  });
  return cluster.nodes as unknown as [TestNode, TestNode];
}

const keysIn = (store: string): Promise<string[]> => keysOn({ dataDir: folder }, store);

interface Pause {
  readonly paused: TestNode;
  readonly other: TestNode;
}

/**
 * Waits until a node runs a task of the type, stops that node for longer than its lease, and waits until the other has taken the task over.
 * A process that is stopped while it writes holds the lock of the SQLite file; then it is let go and stopped again.
 */
async function pauseRunnerOf(nodes: readonly [TestNode, TestNode], type: string): Promise<Pause> {
  const runnerOf = async (asked: TestNode) =>
    (await clusterOf(asked)).tasks.find((task) => task.type === type)?.node;
  for (let tried = 1; ; tried += 1) {
    let id: string | undefined;
    await until(`a task "${type}" runs`, async () => {
      id = await runnerOf(nodes[0]);
      return id !== undefined;
    });
    const [paused, other] = id === nodes[0].id ? nodes : ([nodes[1], nodes[0]] as const);
    paused.pause();
    const writes = await putFile(other, some(10), 'probe.txt').then(
      async (uid) => {
        await ask(other, 'DELETE', `/api/v1/files/${uid}`);
        return true;
      },
      () => false,
    );
    if (writes) {
      await sleep(PAUSE_MS);
      return { paused, other };
    }
    paused.resume();
    if (tried === 5) throw new Error('the node always held the lock of the database');
  }
}

interface Attempt {
  readonly state: string;
  readonly attempts: number;
}

async function isDone(node: TestNode, type: string): Promise<boolean> {
  const { tasks } = (await ask(node, 'GET', `/api/v1/tasks?type=${type}`)).json as { tasks: Attempt[] };
  return tasks.length > 0 && tasks.every(({ state }) => state === 'done');
}

/** Everything that is left in a store is named, and nothing that is named is missing. */
async function holdsOnly(store: string, objects: number): Promise<void> {
  await until(
    `there are ${objects} objects in ${store}`,
    async () => (await keysIn(store)).length === objects,
    40_000,
  );
}

describe('a node that was stopped for longer than its lease', { timeout: 120_000 }, () => {
  it.each(['read', 'put'] as const)(
    'has no effect on a file that another has composed (%s)',
    async (phase) => {
      const nodes = await start();
      const parts = [some(MIB), some(MIB)];
      const uid = await putParts(nodes, parts, () => control({ [phase]: SLOW_MS }));
      const { paused, other } = await pauseRunnerOf(nodes, 'compose');
      control({});
      await until('the other has composed it', () => isDone(other, 'compose'));
      const before = (await ask(other, 'GET', `/api/v1/files/${uid}`)).json;
      expect(before.verified).toBe(true);
      paused.resume();
      await sleep(SLOW_MS);
      expect((await ask(other, 'GET', `/api/v1/files/${uid}`)).json).toEqual(before);
      for (const node of nodes) expect((await read(node, uid)).bytes.equals(Buffer.concat(parts))).toBe(true);
      await holdsOnly('main', 1);
    },
  );

  it('leaves no second copy of what another has transferred', async () => {
    const nodes = await start([{ match: { minSize: 1000 }, store: 'main', thenTransferTo: 'other' }]);
    const bytes = some(MIB);
    const uid = await putFile(nodes[0], bytes);
    control({ put: SLOW_MS, read: SLOW_MS });
    const { paused, other } = await pauseRunnerOf(nodes, 'transfer');
    control({});
    await until('the other has transferred it', () => isDone(other, 'transfer'));
    paused.resume();
    await sleep(2 * SLOW_MS);
    for (const node of nodes) expect((await read(node, uid)).bytes.equals(bytes)).toBe(true);
    await holdsOnly('other', 1);
    await holdsOnly('main', 0);
  });

  it('counts nothing twice of a move that another goes on with', async () => {
    const nodes = await start();
    const contents = Array.from({ length: 6 }, () => some(100_000));
    const uids = await Promise.all(contents.map((bytes) => putFile(nodes[0], bytes)));
    control({ put: SLOW_MS });
    const { id } = (await ask(nodes[0], 'POST', '/api/v1/moves', { json: { from: 'main', to: 'other' } }))
      .json;
    const { paused, other } = await pauseRunnerOf(nodes, 'move');
    control({});
    const move = async () => (await ask(other, 'GET', `/api/v1/moves/${id}`)).json;
    await until('the other has moved all', async () => (await move()).state === 'done');
    paused.resume();
    await sleep(SLOW_MS);
    expect((await move()).done).toEqual({ files: 6, objects: 6, bytes: 600_000 });
    for (const [index, uid] of uids.entries()) {
      const expected = contents[index] as Buffer;
      for (const node of nodes) expect((await read(node, uid)).bytes.equals(expected)).toBe(true);
    }
    await holdsOnly('other', 6);
    await holdsOnly('main', 0);
  });

  it('deletes nothing that was sent again meanwhile', async () => {
    const nodes = await start();
    const bytes = some(100_000);
    const first = await putFile(nodes[0], bytes);
    await ask(nodes[0], 'DELETE', `/api/v1/files/${first}`);
    control({ delete: SLOW_MS });
    // Purge runs all the time; it is stopped while it deletes the bytes of the first file.
    await until('purge has begun to delete', async () => {
      const at = (await clusterOf(nodes[0])).tasks.find(({ type }) => type === 'purge');
      return at !== undefined && Date.parse(at.leaseUntil ?? '') - Date.now() < 4_500;
    });
    const { paused, other } = await pauseRunnerOf(nodes, 'purge');
    control({});
    const again = await putFile(other, bytes);
    await until('the other has purged', async () => (await keysIn('main')).length === 1);
    paused.resume();
    await sleep(2 * SLOW_MS);
    for (const node of nodes) expect((await read(node, again)).bytes.equals(bytes)).toBe(true);
    await holdsOnly('main', 1);
  });
});
