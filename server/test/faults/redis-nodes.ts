import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '#test/e2e/osproxy-v0/client.ts';
import { RestClient } from '#test/e2e/rest/client.ts';
import { type RunningService, startService } from '#test/e2e/service.ts';

interface RedisNode {
  readonly service: RunningService;
  readonly rest: RestClient;
  readonly v0: Client;
}

/** Two processes over one database file and one folder, which share a Redis. */
export interface RedisNodes {
  readonly a: RedisNode;
  readonly b: RedisNode;
  /** status of /readyz, whether its check of Redis is fine, and the metric osproxy_redis_up, of both nodes. */
  health(): Promise<readonly Health[]>;
  close(): Promise<void>;
}

interface Health {
  readonly http: number;
  readonly status: string;
  readonly redis: boolean;
  readonly up: number;
}

export async function startNodes(url: string, env: Record<string, string> = {}): Promise<RedisNodes> {
  const dataDir = await mkdtemp(join(tmpdir(), 'osproxy-redis-nodes-'));
  const start = async (): Promise<RedisNode> => {
    const service = await startService({ dataDir, env: { OSPROXY_REDIS_URL: url, ...env } });
    const { apiKey } = service;
    return { service, rest: new RestClient(service.url, apiKey), v0: new Client(service.url, apiKey) };
  };
  const a = await start();
  const b = await start();
  return {
    a,
    b,
    health: () => Promise.all([a, b].map(({ service }) => healthOf(service.url))),
    close: async () => {
      for (const { service, rest } of [a, b]) {
        rest.close();
        await service.kill();
      }
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function healthOf(url: string): Promise<Health> {
  const answer = await fetch(`${url}/readyz`);
  const body = (await answer.json()) as {
    status: string;
    checks: readonly { readonly name: string; readonly ok: boolean }[];
  };
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return {
    http: answer.status,
    status: body.status,
    redis: body.checks.find(({ name }) => name === 'redis')?.ok === true,
    up: Number(/^osproxy_redis_up (\d)$/m.exec(metrics)?.[1] ?? Number.NaN),
  };
}

export interface Traffic {
  /** Requests that did not get the answer they should. */
  readonly wrong: readonly string[];
  readonly requests: number;
  readonly slowestMs: number;
}

/** Reads, writes and renames through both nodes until the returned function is called. */
export function traffic({ a, b }: RedisNodes, uids: readonly string[]): () => Promise<Traffic> {
  let going = true;
  const seen = { wrong: [] as string[], requests: 0, slowestMs: 0 };
  const timed = async (what: string, wanted: number, call: () => Promise<{ status: number }>) => {
    const startedAt = performance.now();
    const status = await call().then(
      (answer) => answer.status,
      (error: unknown) => String(error),
    );
    const ms = performance.now() - startedAt;
    seen.requests += 1;
    seen.slowestMs = Math.max(seen.slowestMs, ms);
    if (status !== wanted)
      seen.wrong.push(`${what}: ${status} instead of ${wanted} after ${Math.round(ms)} ms`);
  };
  const lane = async (lane: number) => {
    for (let i = lane; going; i += 1) {
      const { rest } = i % 2 === 0 ? a : b;
      const uid = uids[i % uids.length] ?? '';
      if (i % 20 === 0) {
        const json = { name: `renamed-${i}` };
        await timed('rename', 200, () => rest.call('PATCH', `/files/${uid}`, { json }));
      } else if (i % 20 === 10) {
        await timed('put', 201, () => rest.call('PUT', `/files/new-${i}`, { body: `content ${i}` }));
      } else await timed('read', 200, () => rest.content(uid));
      await sleep(2);
    }
  };
  const lanes = Promise.all([0, 5, 10, 15].map(lane));
  return async () => {
    going = false;
    await lanes;
    return seen;
  };
}

export interface Seen {
  /** Milliseconds from the answer of the one node until the other knows. */
  readonly deletedAfterMs: number;
  readonly renamedAfterMs: number;
}

/** Changes files through A that B has in its cache, and looks when B knows. A revocation must be known at once. */
export async function changes({ a, b }: RedisNodes): Promise<Seen> {
  const put = async (name: string) => (await a.rest.put(name, `content of ${name}`)).uid;
  const [gone, renamed, linked] = [await put('gone'), await put('old'), await put('linked')];
  const stored = (await a.rest.call('POST', `/files/${linked}/links`, { json: {} })).json;
  const { url } = await a.v0.downloadLink(linked);
  const withStored = () => new RestClient(b.service.url).content(linked, {}, `?link=${stored.token}`);
  const withSigned = () => fetch(b.service.url + url);
  for (let round = 0; round < 3; round += 1) {
    for (const uid of [gone, renamed]) await expectStatus(200, b.rest.content(uid));
    await expectStatus(200, withStored());
    await expectStatus(200, withSigned());
  }
  await expectStatus(204, a.rest.call('DELETE', `/files/${linked}/links`));
  await expectStatus(410, withStored());
  await expectStatus(422, withSigned());

  await expectStatus(204, a.rest.call('DELETE', `/files/${gone}`));
  const deletedAfterMs = await sinceUntil(async () => (await b.rest.content(gone)).status === 404);
  await expectStatus(404, a.rest.content(gone));
  await expectStatus(200, a.rest.call('PATCH', `/files/${renamed}`, { json: { name: 'new' } }));
  const nameIn = async ({ rest }: RedisNode) => (await rest.call('GET', `/files/${renamed}`)).json.name;
  const renamedAfterMs = await sinceUntil(async () => (await nameIn(b)) === 'new');
  if ((await nameIn(a)) !== 'new') throw new Error('The node that renamed does not know the new name.');
  return { deletedAfterMs, renamedAfterMs };
}

async function expectStatus(wanted: number, answer: Promise<{ status: number }>): Promise<void> {
  const { status } = await answer;
  if (status !== wanted) throw new Error(`Status ${status} instead of ${wanted}.`);
}

async function sinceUntil(look: () => Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  while (!(await look())) {
    if (performance.now() - startedAt > 10_000) throw new Error('The change was not seen within 10 s.');
    await sleep(5);
  }
  return performance.now() - startedAt;
}
