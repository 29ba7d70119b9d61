import { existsSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  call,
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

const MIB = 1024 * 1024;

describe('a node that is away', () => {
  let cluster: TestCluster;
  let nodes: [TestNode, TestNode];

  beforeAll(async () => {
    cluster = await startCluster(2, {
      OSPROXY_PURGE_GRACE_SECONDS: '2',
      OSPROXY_PURGE_INTERVAL_SECONDS: '1',
      OSPROXY_TASKS_LEASE_SECONDS: '5',
      OSPROXY_TASKS_MAX_ATTEMPTS: '2',
      OSPROXY_CACHE_SMALL_OBJECTS_MIB: '0',
    });
    nodes = cluster.nodes as unknown as typeof nodes;
  }, 90_000);
  afterAll(() => cluster.close(), 60_000);

  const tasks = async (type: string) =>
    (await ask(nodes[0], 'GET', `/api/v1/tasks?type=${type}`)).json.tasks as {
      state: string;
      attempts: number;
      lastError?: string;
    }[];

  it('makes a clear 503 of what it alone has, while all else works, and is found again by itself', async () => {
    const [here, there] = nodes;
    const bytes = some(2 * MIB);
    const far = await putFile(there, bytes);
    const near = await putFile(here, some(1000));
    await there.kill();

    const answer = await read(here, far);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(answer.json.detail).toBe(
      'The content is on another node, which does not answer at the moment; try again.',
    );
    expect(JSON.stringify(answer.json)).not.toContain('n2');
    expect((await call(here, 'HEAD', `/api/v1/files/${far}`)).status).toBe(200);
    expect((await read(here, near)).status).toBe(200);
    const fresh = await putFile(here, some(MIB));
    expect((await read(here, fresh)).status).toBe(200);
    // The same content again: what is away does not count as a copy.
    const again = await putFile(here, bytes);
    expect((await read(here, again)).bytes.equals(bytes)).toBe(true);
    expect((await read(here, far)).bytes.equals(bytes)).toBe(true);

    await there.start();
    await until('it has another file of its own', async () => (await read(there, fresh)).status === 200);
  }, 60_000);

  it('makes tasks wait without using up their attempts', async () => {
    const [here, there] = nodes;
    const parts = [some(MIB), some(MIB)];
    const { uid } = (await ask(here, 'POST', '/api/v1/uploads', { json: { name: 'a.bin' } })).json;
    await ask(here, 'PUT', `/api/v1/uploads/${uid}/parts/1`, { body: parts[0] as Buffer });
    await ask(there, 'PUT', `/api/v1/uploads/${uid}/parts/2`, { body: parts[1] as Buffer });
    await there.kill();
    await ask(here, 'POST', `/api/v1/uploads/${uid}/complete`, { json: {} });
    await until('compose waits', async () => {
      const [task] = await tasks('compose');
      return task?.state === 'pending' && task.lastError?.includes('another node') === true;
    });
    // More looks than it has attempts.
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    const [task] = await tasks('compose');
    expect(task).toMatchObject({ state: 'pending', attempts: 0 });
    expect((await read(here, uid, { range: 'bytes=0-9' })).status).toBe(206);

    await there.start();
    await until('it is verified', async () => (await ask(here, 'GET', `/api/v1/files/${uid}`)).json.verified);
    await until('all of it can be read here', async () => {
      const whole = await read(here, uid).catch(() => undefined);
      return whole?.bytes.equals(Buffer.concat(parts)) === true;
    });
  }, 90_000);

  it('keeps its garbage until it is back, and purge is not stopped by it', async () => {
    const [here, there] = nodes;
    const far = await putFile(there, some(40_000));
    const near = await putFile(here, some(40_000));
    const before = [await keysOn(here), await keysOn(there)] as const;
    await there.kill();
    for (const uid of [far, near]) await ask(here, 'DELETE', `/api/v1/files/${uid}`);
    await until('the one here is gone', async () => (await keysOn(here)).length === before[0].length - 1);
    expect(await keysOn(there)).toHaveLength(before[1].length);
    const purge = (await tasks('purge'))[0];
    expect(purge?.lastError).toBeUndefined();
    await there.start();
    await until('the other is gone too', async () => (await keysOn(there)).length === before[1].length - 1);
  }, 90_000);

  it('finds orphans in its own store when it does not lead', async () => {
    for (const node of nodes) {
      const folder = join(node.dataDir, 'files', 'objects', 'ab', 'cd');
      const orphan = join(folder, 'f'.repeat(32));
      await mkdir(folder, { recursive: true });
      await writeFile(orphan, 'bytes that nobody names');
      const old = new Date(Date.now() - 60_000);
      await utimes(orphan, old, old);
    }
    const orphan = (node: TestNode) => join(node.dataDir, 'files', 'objects', 'ab', 'cd', 'f'.repeat(32));
    await until('both are gone', () => nodes.every((node) => !existsSync(orphan(node))));
  }, 60_000);

  it('gives up the lead of the schedules when it goes, and shows as silent when it was killed', async () => {
    const leads = (await clusterOf(nodes[0])).nodes.find(({ leadsSchedules }) => leadsSchedules)?.id;
    const leader = leads === 'n1' ? nodes[0] : nodes[1];
    const other = leader === nodes[0] ? nodes[1] : nodes[0];
    await leader.kill();
    await until('the other leads', async () =>
      (await clusterOf(other)).nodes.some(({ id, leadsSchedules }) => id === other.id && leadsSchedules),
    );
    const before = (await tasks2(other, 'purge'))[0]?.updatedAt;
    await until('it purges', async () => (await tasks2(other, 'purge'))[0]?.updatedAt !== before);
    await until(
      'the killed one shows as silent',
      async () => (await clusterOf(other)).nodes.find(({ id }) => id === leader.id)?.state === 'silent',
      60_000,
    );
    expect((await clusterOf(other)).stores[0]?.nodes).toContainEqual({ id: leader.id, state: 'away' });
    await leader.start();
    await until('it is alive', async () =>
      (await clusterOf(other)).nodes.every(({ state }) => state === 'alive'),
    );
    await leader.stop();
    expect((await clusterOf(other)).nodes.map(({ id }) => id)).toEqual([other.id]);
    await leader.start();
  }, 150_000);

  it('is left for another placement in the middle of a file', async () => {
    const [here, there] = nodes;
    const bytes = some(24 * MIB);
    const uid = await putFile(there, bytes);
    await there.kill();
    // While it is away the same content gets a second placement here.
    await putFile(here, bytes);
    await there.start();
    const controller = new AbortController();
    const response = await fetch(`${here.url}/api/v1/files/${uid}/content`, {
      headers: { authorization: 'Bearer test-key-0123456789' },
      signal: controller.signal,
    });
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    const unsure = await putParts([there, here], [some(3 * MIB), some(3 * MIB)]);
    // A node that was found away is asked again after a moment's pause.
    await until('what both have can be read', async () => (await read(here, unsure)).status === 200);
  }, 90_000);
});

async function tasks2(node: TestNode, type: string): Promise<{ updatedAt: string }[]> {
  return (await ask(node, 'GET', `/api/v1/tasks?type=${type}`)).json.tasks;
}
