import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClusterBody } from '#frontends/rest/cluster-schemas.ts';
import { RestClient } from '../e2e/rest/client.ts';
import { API_KEY, type RunningService } from '../e2e/service.ts';
import { clientsOfEach, startNode, workersOf } from '../e2e/workers/node.ts';
import { settles } from './probe.ts';
import { query } from './store-folder.ts';

const WORKERS = 3;
/** A heartbeat comes every ten seconds, and the first one of a new speaker at once. */
const HEARD_WITHIN_MS = 20_000;

let dataDir: string;
let service: RunningService;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'osproxy-speaker-'));
  service = await startNode(WORKERS, { dataDir });
  await settles(HEARD_WITHIN_MS, async () =>
    whoSaid('this node leads the schedules').join() === '1' ? undefined : 'process 1 does not lead',
  );
});
afterEach(async () => {
  await service.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function cluster(): Promise<ClusterBody> {
  const client = new RestClient(service.url, API_KEY);
  const { json } = await client.call('GET', '/cluster');
  client.close();
  return json as unknown as ClusterBody;
}

const heardAt = (): number => Number(query(dataDir, 'select heartbeat_at from nodes')[0]?.heartbeat_at);

/** Numbers of the processes that said this, in order. */
function whoSaid(msg: string): number[] {
  return service.lines
    .filter((line) => line.includes(`"msg":"${msg}"`))
    .map((line) => (JSON.parse(line) as { process: number }).process);
}

test('when the process that speaks for the node is killed, the next one speaks and leads at once', {
  timeout: 90_000,
}, async () => {
  const [first, second] = await workersOf(service);
  const killedAt = Date.now();
  process.kill(first ?? 0, 'SIGKILL');
  await settles(HEARD_WITHIN_MS, async () =>
    whoSaid('this node leads the schedules').join() === '1,2' && heardAt() > killedAt
      ? undefined
      : `nobody speaks: ${service.lines.slice(-5).join('\n')}`,
  );
  await settles(HEARD_WITHIN_MS, async () =>
    (await workersOf(service)).length === WORKERS ? undefined : 'two',
  );
  // Process 1, which was started again, is the lowest that lives when process 2 dies as well.
  await settles(HEARD_WITHIN_MS, async () =>
    service.lines.some((line) => line.includes('"msg":"serving again"')) ? undefined : 'not serving again',
  );
  process.kill(second ?? 0, 'SIGKILL');
  await settles(HEARD_WITHIN_MS, async () =>
    whoSaid('this process speaks for the node now').join() === '2,1' ? undefined : 'process 1 does not speak',
  );
  await settles(HEARD_WITHIN_MS, async () => {
    const { nodes } = await cluster();
    const told = nodes.map(({ state, leadsSchedules }) => `${state} ${leadsSchedules}`).join();
    return told === 'alive true' ? undefined : told;
  });
  expect(await service.stop()).toBe(0);
  expect(query(dataDir, 'select id from nodes')).toEqual([]);
});

test('a first process that keeps dying does not make the node look away', { timeout: 120_000 }, async () => {
  const others = (await workersOf(service)).slice(1);
  const began = Date.now();
  // Longer than two heartbeats of the one that speaks instead.
  while (Date.now() - began < 22_000) {
    for (const pid of await workersOf(service)) if (!others.includes(pid)) process.kill(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(Date.now() - heardAt()).toBeLessThan(20_000);
  }
  expect(heardAt()).toBeGreaterThan(began + 5000);
  expect(new Set(whoSaid('this node leads the schedules'))).toEqual(new Set([1, 2]));
});

test('the load of a node is that of all its processes', { timeout: 60_000 }, async () => {
  const clients = await clientsOfEach(service, WORKERS);
  const gates = clients.map(() => Promise.withResolvers<void>());
  const uploads = clients.map((client, index) =>
    client.call('PUT', '/files/slow.bin', {
      body: (async function* () {
        yield Buffer.alloc(1000);
        await gates[index]?.promise;
        yield Buffer.alloc(1000);
      })(),
    }),
  );
  await settles(HEARD_WITHIN_MS, async () => {
    const [node] = (await cluster()).nodes;
    return node?.load?.transfers === WORKERS ? undefined : `${node?.load?.transfers} transfers`;
  });
  for (const gate of gates) gate.resolve();
  for (const { status } of await Promise.all(uploads)) expect(status).toBe(201);
  for (const client of clients) client.close();
});
