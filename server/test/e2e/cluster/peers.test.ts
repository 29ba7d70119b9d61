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

describe('three nodes with node-local stores', () => {
  let cluster: TestCluster;
  let nodes: [TestNode, TestNode, TestNode];

  beforeAll(async () => {
    cluster = await startCluster(3, {
      OSPROXY_PURGE_GRACE_SECONDS: '2',
      OSPROXY_PURGE_INTERVAL_SECONDS: '1',
      OSPROXY_TASKS_LEASE_SECONDS: '5',
    });
    nodes = cluster.nodes as unknown as typeof nodes;
  }, 90_000);
  afterAll(async () => {
    await cluster.close();
  }, 60_000);

  it('reads a file, its ranges and its head from every node', async () => {
    const bytes = some(3 * MIB + 17);
    const uid = await putFile(nodes[0], bytes);
    expect(await keysOn(nodes[1])).toEqual([]);
    for (const node of nodes) {
      const whole = await read(node, uid);
      expect(whole.status).toBe(200);
      expect(whole.bytes.equals(bytes)).toBe(true);
      const range = await read(node, uid, { range: 'bytes=1000000-2000000' });
      expect(range.status).toBe(206);
      expect(range.bytes.equals(bytes.subarray(1_000_000, 2_000_001))).toBe(true);
      const several = await read(node, uid, { range: 'bytes=0-9,-5' });
      expect(several.bytes.includes(bytes.subarray(-5))).toBe(true);
      const head = await call(node, 'HEAD', `/api/v1/files/${uid}/content`);
      expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.length)]);
    }
  });

  it('takes parts at any node, completes at any and verifies them', async () => {
    const parts = [some(2 * MIB), some(MIB + 3), some(MIB), some(1)];
    const uid = await putParts(nodes, parts);
    const whole = Buffer.concat(parts);
    for (const node of nodes) expect((await read(node, uid)).bytes.equals(whole)).toBe(true);
    const middle = await read(nodes[2], uid, { range: `bytes=${2 * MIB - 5}-${2 * MIB + 5}` });
    expect(middle.bytes.equals(whole.subarray(2 * MIB - 5, 2 * MIB + 6))).toBe(true);
    await until('compose has verified it', async () => {
      const tasks = (await ask(nodes[0], 'GET', '/api/v1/tasks?type=compose')).json.tasks;
      return tasks.every(({ state }: { state: string }) => state === 'done');
    });
    await until('every node knows that it is verified', async () => {
      const records = await Promise.all(nodes.map((node) => ask(node, 'GET', `/api/v1/files/${uid}`)));
      return records.every(({ json }) => json.verified === true);
    });
  });

  it('keeps equal content once, wherever it arrives', async () => {
    const bytes = some(200_000);
    const counts = () => Promise.all(nodes.map(async (node) => (await keysOn(node)).length));
    const first = await putFile(nodes[0], bytes);
    const before = await counts();
    const second = await putFile(nodes[1], bytes);
    expect(await counts()).toEqual(before);
    expect((await read(nodes[2], first)).bytes.equals((await read(nodes[0], second)).bytes)).toBe(true);
  });

  it('opens links that another node made', async () => {
    const bytes = some(1000);
    const uid = await putFile(nodes[0], bytes);
    for (const [maker, reader] of [
      [nodes[0], nodes[1]],
      [nodes[2], nodes[0]],
    ] as const) {
      const { url } = (await ask(maker, 'POST', `/api/v1/files/${uid}/links`, { json: {} })).json;
      const path = url.replace(/^https?:\/\/[^/]+/, '');
      const answer = await fetch(`${reader.url}${path}`);
      expect(answer.status).toBe(200);
      const v0 = (
        await ask(maker, 'POST', '/api/storage/v0/link/download', { json: { uid: [uid], expire: 60 } })
      ).json.data[0].url;
      const download = await fetch(`${reader.url}${v0}`);
      expect(Buffer.from(await download.arrayBuffer()).equals(bytes)).toBe(true);
    }
  });

  it('tells the address of the node that has the bytes, and no other', async () => {
    const uid = await putFile(nodes[1], some(5000));
    const answers = await Promise.all(
      nodes.map((node) => call(node, 'GET', `/api/storage/v0/proxy?uid=${uid}`)),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 200, 404]);
    expect(answers[1]?.json.data).toBe(nodes[1].url);
  });

  it('purges deleted bytes from whichever node has them', async () => {
    const uids = await Promise.all(nodes.map((node) => putFile(node, some(50_000))));
    const before = await Promise.all(nodes.map((node) => keysOn(node)));
    for (const uid of uids) await ask(nodes[0], 'DELETE', `/api/v1/files/${uid}`);
    await until('one object less is on each node', async () => {
      const now = await Promise.all(nodes.map((node) => keysOn(node)));
      return now.every((keys, index) => keys.length < (before[index]?.length ?? 0));
    });
  });

  it('shows nodes, the leader, load and stores', async () => {
    const view = await clusterOf(nodes[1]);
    expect(view.nodes.map(({ id, state, address }) => [id, state, address])).toEqual(
      nodes.map((node) => [node.id, 'alive', node.url]),
    );
    expect(view.nodes.filter(({ leadsSchedules }) => leadsSchedules)).toHaveLength(1);
    expect(view.nodes[0]?.load?.eventLoopDelayMs).toBeGreaterThanOrEqual(0);
    expect(view.stores).toEqual([
      { name: 'local', nodeLocal: true, nodes: nodes.map(({ id }) => ({ id, state: 'ok' })) },
    ]);
  });
});
