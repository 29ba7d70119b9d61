import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster, type TestCluster } from '#test/e2e/cluster/nodes.ts';
import { RestClient } from '#test/e2e/rest/client.ts';
import { API_KEY } from '#test/e2e/service.ts';
import { atPort } from '#test/services/sql-server.ts';
import { CuttingProxy } from './cutting-proxy.ts';
import type { ReplicaKind, ReplicaPair } from './replica-kind.ts';

const MAX_LAG_SECONDS = 3;
const MIN_AGE_SECONDS = 4;
/** Lag, news between nodes and the life of a cached record take 5 s together; the rest is for slow machines. */
const BOUND_MS = 12_000;

/** What two nodes promise that share a database with a replica: in order, behind, away and back. */
export function replicaNodes(kind: ReplicaKind, pair: () => ReplicaPair): void {
  describe('at two nodes', () => {
    let database: { url: string; remove(): Promise<void> };
    let proxy: CuttingProxy;
    let cluster: TestCluster;
    let nodes: readonly RestClient[];
    /** Names of tables in what nodes asked the replica. */
    const asked = new Set<string>();

    beforeAll(async () => {
      database = await kind.createDatabase(pair().primary.access);
      proxy = await CuttingProxy.start(pair().replica.port);
      proxy.cutWhen((text) => {
        for (const [, table] of text.matchAll(/from ["`](\w+)["`]/g)) asked.add(table ?? '');
        return undefined;
      });
      cluster = await startCluster(2, {
        OSPROXY_DATABASE_URL: database.url,
        OSPROXY_DATABASE_REPLICAS: atPort(database.url, proxy.port),
        OSPROXY_DATABASE_REPLICA_MAX_LAG_SECONDS: String(MAX_LAG_SECONDS),
        OSPROXY_DATABASE_REPLICA_MIN_AGE_SECONDS: String(MIN_AGE_SECONDS),
        OSPROXY_CACHE_TTL_SECONDS: '1',
      });
      nodes = cluster.nodes.map(({ url }) => new RestClient(url, API_KEY));
    }, 120_000);
    afterAll(async () => {
      for (const node of nodes) node.close();
      await cluster.close();
      await proxy.close();
      await database.remove();
    });

    const [first, second] = [0, 1].map((index) => () => nodes[index] as RestClient) as [Node, Node];

    /** Files that are old enough to be read from a replica. */
    async function oldFiles(...names: readonly string[]): Promise<string[]> {
      const uids: string[] = [];
      for (const name of names) uids.push((await first().put(name, `content of ${name}`)).uid);
      await sleep((MIN_AGE_SECONDS + 1) * 1000);
      return uids;
    }

    it('reads lists and the parts of old files there', async () => {
      await health({ status: 'ok', up: 1, used: 1 });
      const [uid = ''] = await oldFiles('healthy');
      for (const node of nodes) {
        expect((await node.content(uid)).status).toBe(200);
        expect(await listed(node)).toContainEqual({ uid, name: 'healthy' });
      }
      expect([...asked]).toEqual(expect.arrayContaining(['manifest_parts', 'files', 'replica_beats']));
      expect([...asked]).not.toContain('links');
    });

    it('shows at once what was written through a node, and in time what another wrote, while it lags', async () => {
      const [gone = '', renamed = '', linked = ''] = await oldFiles('gone', 'old name', 'linked');
      const { token } = (await first().call('POST', `/files/${linked}/links`, { json: {} })).json;
      const throughLink = (index: number) =>
        new RestClient(cluster.nodes[index]?.url ?? '').content(linked, {}, `?link=${token}`);
      for (const index of [0, 1]) expect((await throughLink(index)).status).toBe(200);
      await pair().replica.pause();
      try {
        await expectStatus(204, first().call('DELETE', `/files/${gone}`));
        await expectStatus(200, first().call('PATCH', `/files/${renamed}`, { json: { name: 'new name' } }));
        await expectStatus(204, first().call('DELETE', `/files/${linked}/links`));
        const began = performance.now();
        expect((await first().content(gone)).status).toBe(404);
        const own = await listed(first());
        expect(own).toContainEqual({ uid: renamed, name: 'new name' });
        expect(own.map(({ uid }) => uid)).not.toContain(gone);
        expect(await listed(first(), 'new')).toEqual([{ uid: renamed, name: 'new name' }]);
        // A link ends at once, whatever a replica shows.
        for (const index of [0, 1]) expect((await throughLink(index)).status).toBe(410);
        const { uid: fresh } = await first().put('fresh', 'a');
        for (const node of nodes) expect(await listed(node)).toContainEqual({ uid: fresh, name: 'fresh' });
        await expect
          .poll(async () => (await second().content(gone)).status, { timeout: BOUND_MS, interval: 20 })
          .toBe(404);
        await expect
          .poll(async () => (await listed(second())).filter(({ uid }) => [gone, renamed].includes(uid)), {
            timeout: BOUND_MS,
            interval: 20,
          })
          .toEqual([{ uid: renamed, name: 'new name' }]);
        expect(performance.now() - began).toBeLessThan(BOUND_MS);
        await health({ status: 'degraded', up: 1, used: 0 });
        expect(await metric('lag_seconds')).toBeGreaterThan(MAX_LAG_SECONDS);
        for (const node of nodes) {
          expect((await node.content(renamed)).status).toBe(200);
          expect((await node.content(gone)).status).toBe(404);
        }
      } finally {
        await pair().replica.resume();
      }
      await health({ status: 'ok', up: 1, used: 1 });
    });

    it('fails no request when it dies, and uses it again', async () => {
      const uids = await oldFiles('a', 'b', 'c');
      const wrong: string[] = [];
      let requests = 0;
      let over = false;
      const lane = async (number: number) => {
        for (let i = number; !over; i += 1) {
          const node = i % 2 === 0 ? first() : second();
          const content = await node.content(uids[i % uids.length] ?? '');
          const list = await node.call('GET', '/files');
          for (const { status } of [content, list]) if (status !== 200) wrong.push(String(status));
          requests += 2;
          await sleep(5);
        }
      };
      const lanes = Promise.all([0, 1, 2, 3].map(lane));
      await sleep(500);
      await pair().replica.kill();
      await health({ status: 'degraded', up: 0, used: 0 });
      const before = requests;
      const { uid } = await first().put('while away', 'x');
      await expectStatus(204, first().call('DELETE', `/files/${uid}`));
      expect((await listed(first())).map((file) => file.uid)).not.toContain(uid);
      await expect.poll(() => requests, { timeout: 10_000 }).toBeGreaterThan(before + 20);
      await pair().replica.start();
      await health({ status: 'ok', up: 1, used: 1 });
      over = true;
      await lanes;
      expect(wrong).toEqual([]);
    });

    async function health(wanted: { status: string; up: number; used: number }): Promise<void> {
      const look = async ({ url }: { readonly url: string }) => {
        const answer = await fetch(`${url}/readyz`);
        expect(answer.status).toBe(200);
        const { status } = (await answer.json()) as { status: string };
        return { status, up: await metric('up', url), used: await metric('used', url) };
      };
      await expect
        .poll(() => Promise.all(cluster.nodes.map(look)), { timeout: 30_000, interval: 100 })
        .toEqual([wanted, wanted]);
    }

    async function metric(name: string, url = cluster.nodes[0]?.url ?? ''): Promise<number> {
      const text = await (await fetch(`${url}/metrics`)).text();
      const line = new RegExp(`^osproxy_database_replica_${name}\\{replica="1"\\} (\\S+)$`, 'm').exec(text);
      return Number(line?.[1] ?? Number.NaN);
    }
  });
}

type Node = () => RestClient;

async function listed(node: RestClient, prefix = ''): Promise<{ uid: string; name: string }[]> {
  const { files } = (await node.call('GET', `/files?limit=1000&prefix=${prefix}`)).json;
  return files.map(({ uid, name }: { uid: string; name: string }) => ({ uid, name }));
}

async function expectStatus(wanted: number, answer: Promise<{ status: number }>): Promise<void> {
  expect((await answer).status).toBe(wanted);
}
