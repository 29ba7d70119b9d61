import { randomInt } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MARK_KEY } from '#core/store-marks.ts';
import { clusterOf, keysOn, SECRET, startCluster, type TestNode } from '#test/e2e/cluster/nodes.ts';
import { Client } from '#test/e2e/osproxy-v0/client.ts';
import { RestClient } from '#test/e2e/rest/client.ts';
import { API_KEY } from '#test/e2e/service.ts';
import { createMariadbDatabase, queryMariadb, startMariadb } from '#test/services/mariadb.ts';
import { type NginxAccess, startNginx } from '#test/services/nginx.ts';
import { freeThousand } from '#test/services/ports.ts';
import { createPostgresDatabase, queryPostgres, startPostgres } from '#test/services/postgres.ts';
import { type RedisServer, startRedis } from '#test/services/redis.ts';
import { TcpFaultProxy } from '#test/services/tcp-fault-proxy.ts';
import { settles } from './probe.ts';
import { osproxy } from './store-folder.ts';
import type { StormPlace } from './store-storm.ts';

const NODES = 3;
/** The shortest there is; a node that is stopped for longer has lost its tasks. */
export const LEASE_SECONDS = 5;
const START_TRIES = 4;
const SETTLED_WITHIN_MS = 90_000;
/** Of tasks. */
const ORDINARY =
  "type not in ('purge', 'expire-uploads', 'drive-sweep') and type not like 'sweep%' and type not like 'scrub%'";

const NAMED = `
  select distinct p.store, p.node, p.key from placements p join (
    select mp.blob_id from manifest_parts mp join files f on f.manifest_id = mp.manifest_id where f.state = 'ready'
    union select up.blob_id from upload_parts up join uploads u on u.uid = up.upload_uid where u.state = 'open'
  ) named on named.blob_id = p.blob_id`;

/** What the nodes' database is kept by, which the test may kill. */
interface DatabaseServer {
  readonly port: number;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A node of the cluster on a port that it keeps, and the way the others take to it. */
export interface PlacedNode extends TestNode {
  readonly way: TcpFaultProxy;
  /** Of all its processes so far. */
  readonly lines: readonly string[];
  /** Starts it again where it was, if it does not run; more than once where it gives up, as a service manager does. */
  restart(): Promise<void>;
}

/** Three nodes behind nginx with a database of their own, and Redis where it is wanted; every way between them can be harmed. */
export interface ClusterPlace extends StormPlace {
  readonly nodes: readonly PlacedNode[];
  readonly database: DatabaseServer;
  readonly redis: RedisServer | undefined;
  /** From the clients to nginx, from the nodes to the database and to Redis. */
  readonly ways: {
    readonly front: TcpFaultProxy;
    readonly database: TcpFaultProxy;
    readonly redis: TcpFaultProxy | undefined;
  };
  close(): Promise<void>;
}

const STORES = (folder: string) => [
  { name: 'local', type: 'local-disk', path: 'files' },
  { name: 'shared', type: 'local-disk', path: join(folder, 'shared'), shared: true },
];

/** Some files go on from one kind of store to the other. */
const RULES = [
  { match: { extensions: ['out'] }, store: 'local', thenTransferTo: 'shared' },
  { match: { extensions: ['in'] }, store: 'shared', thenTransferTo: 'local' },
];

export interface ClusterPlaceOptions {
  readonly database: 'postgres' | 'mariadb';
  readonly redis: boolean;
}

export async function openClusterPlace(
  nginx: NginxAccess,
  options: ClusterPlaceOptions,
): Promise<ClusterPlace> {
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    return await openWith(nginx, options, (end) => closing.push(end), close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function openWith(
  nginxAccess: NginxAccess,
  options: ClusterPlaceOptions,
  atClose: (end: () => Promise<void>) => void,
  close: () => Promise<void>,
): Promise<ClusterPlace> {
  const way = async (port: number) => {
    const proxy = await TcpFaultProxy.start(port);
    atClose(() => proxy.close());
    return proxy;
  };
  const postgres = options.database === 'postgres';
  const server = await (postgres ? startPostgres() : startMariadb());
  atClose(() => server.stop());
  const { url } = await (postgres ? createPostgresDatabase : createMariadbDatabase)(server.access);
  const redis = options.redis ? await startRedis() : undefined;
  if (redis !== undefined) atClose(() => redis.stop());
  const ways = {
    database: await way(server.port),
    redis: redis === undefined ? undefined : await way(redis.port),
  };
  const through = new URL(url);
  through.port = String(ways.database.port);
  // The system gives none of these to a connection while a node is away.
  const base = (await freeThousand()) + randomInt(1, 900);
  const ports = Array.from({ length: NODES }, (_, index) => base + index);
  const peers = await Promise.all(ports.map(way));
  const common = {
    OSPROXY_DATABASE_URL: through.href,
    OSPROXY_DATABASE_CONNECT_TIMEOUT_SECONDS: '6',
    OSPROXY_DATABASE_ACQUIRE_TIMEOUT_SECONDS: '8',
    OSPROXY_DATABASE_STATEMENT_TIMEOUT_SECONDS: '7',
    ...(ways.redis === undefined ? {} : { OSPROXY_REDIS_URL: `redis://127.0.0.1:${ways.redis.port}` }),
    OSPROXY_PLACEMENT_RULES: JSON.stringify(RULES),
    OSPROXY_PURGE_GRACE_SECONDS: '2',
    OSPROXY_PURGE_INTERVAL_SECONDS: '1',
    OSPROXY_TASKS_LEASE_SECONDS: String(LEASE_SECONDS),
    OSPROXY_CACHE_SMALL_OBJECTS_MIB: '0',
    OSPROXY_HTTP_TRUSTED_PROXIES: '127.0.0.1',
    OSPROXY_HTTP_DRAIN_SECONDS: '10',
    OSPROXY_HTTP_DOCS: 'false',
  };
  const envOf = (number: number, folder: string): Record<string, string> => ({
    ...common,
    OSPROXY_STORES: JSON.stringify(STORES(folder)),
    OSPROXY_PORT: String(ports[number - 1]),
    OSPROXY_CLUSTER_ADDRESS: `http://127.0.0.1:${peers[number - 1]?.port}`,
  });
  const cluster = await startCluster(NODES, envOf);
  atClose(() => cluster.close());
  const nginx = await startNginx(nginxAccess, { nodes: cluster.nodes.map((node) => node.url) });
  atClose(() => nginx.stop());
  const front = await way(Number(new URL(nginx.url).port));
  const nodes = cluster.nodes.map((node, index) => placed(node, peers[index] as TcpFaultProxy));
  await mkdir(join(cluster.folder, 'shared'), { recursive: true });
  return new OpenPlace({
    ...{ nodes, folder: cluster.folder, database: server, redis, ways: { ...ways, front }, close },
    query: (sql) => (postgres ? queryPostgres : queryMariadb)({ url }, sql),
    envOf: (number) => envOf(number, cluster.folder),
  });
}

/** Keeps the lines of the log over all restarts. */
function placed(node: TestNode, way: TcpFaultProxy): PlacedNode {
  const past: string[] = [];
  return Object.create(node, {
    way: { value: way },
    lines: { get: () => [...past, ...node.service.lines] },
    restart: {
      value: async () => {
        const { process } = node.service;
        if (process.exitCode === null && process.signalCode === null) return;
        past.push(...node.service.lines);
        for (let tries = 1; ; tries += 1) {
          try {
            return await node.start();
          } catch (error) {
            if (tries === START_TRIES) throw error;
          }
        }
      },
    },
  }) as PlacedNode;
}

interface Parts extends Pick<ClusterPlace, 'nodes' | 'database' | 'redis' | 'ways' | 'close'> {
  readonly folder: string;
  query(sql: string): Promise<Record<string, unknown>[]>;
  envOf(number: number): Record<string, string>;
}

class OpenPlace implements ClusterPlace {
  readonly nodes: ClusterPlace['nodes'];
  readonly database: DatabaseServer;
  readonly redis: RedisServer | undefined;
  readonly ways: ClusterPlace['ways'];
  readonly clients: StormPlace['clients'];
  readonly probes: readonly RestClient[];
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.nodes = parts.nodes;
    this.database = parts.database;
    this.redis = parts.redis;
    this.ways = parts.ways;
    const url = `http://127.0.0.1:${parts.ways.front.port}`;
    this.clients = { rest: new RestClient(url, API_KEY), v0: new Client(url, API_KEY) };
    // nginx leaves out nodes that have failed for a moment, all of them perhaps.
    this.probes = [url, ...parts.nodes.map((node) => node.url)].map((one) => new RestClient(one, API_KEY));
  }

  get lines(): readonly string[] {
    return this.nodes.flatMap(({ lines }) => lines);
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.#parts.query(sql);
  }

  verified(uid: string): Promise<void> {
    return settles(SETTLED_WITHIN_MS, async () => {
      const { verified, state } = (await this.clients.rest.call('GET', `/files/${uid}`)).json;
      return verified ? undefined : `file ${uid} is ${state} and not verified; ${await this.#tasks()}`;
    });
  }

  /** Besides: every node is there and ready, no task is left but the recurring ones, and none has been done twice. */
  async onlyNamed(): Promise<void> {
    await settles(SETTLED_WITHIN_MS, async () => (await this.#unsettled()) ?? this.#differences());
    const twice = await this.query(
      `select t.type, t.id from task_attempts a join tasks t on t.id = a.task_id
       where a.outcome = 'done' and ${ORDINARY} group by t.type, t.id having count(*) > 1`,
    );
    if (twice.length > 0) throw new Error(`Tasks were done twice: ${told(twice)}`);
    const copies = await this.query(
      `select blob_id from placements where store = 'shared' and blob_id is not null
       group by blob_id having count(*) > 1`,
    );
    if (copies.length > 0) throw new Error(`There are two copies in one store: ${told(copies)}`);
  }

  /** What every node finds. */
  async cleanFsck(): Promise<void> {
    for (const [index, { dataDir }] of this.nodes.entries()) {
      const env = { ...this.#parts.envOf(index + 1), OSPROXY_DATA_DIR: dataDir, OSPROXY_API_KEY: API_KEY };
      const id = { OSPROXY_NODE_ID: `n${index + 1}`, OSPROXY_CLUSTER_SECRET: SECRET };
      const { code, out, errors } = await osproxy(['fsck', '--deep'], { ...env, ...id }, dataDir);
      if (code !== 0 || !/: 0 found/.test(out))
        throw new Error(`fsck ended with ${code}:\n${out}\n${errors}`);
    }
  }

  leftovers = async (): Promise<string | undefined> => {
    const keys = [...(await this.#keys()).values()].flat();
    return keys.length === 0 ? undefined : `${keys.length} objects; ${await this.#tasks()}`;
  };

  async close(): Promise<void> {
    for (const client of [this.clients.rest, ...this.probes]) client.close();
    await this.#parts.close();
  }

  async #unsettled(): Promise<string | undefined> {
    const tasks = await this.#tasks();
    if (tasks !== '') return tasks;
    for (const node of this.nodes) {
      const ready = await fetch(`${node.url}/readyz`);
      if (ready.status !== 200) return `${node.id} is not ready: ${await ready.text()}`;
      const { nodes } = await clusterOf(node);
      const states = nodes.map(({ id, state }) => `${id} ${state}`).sort();
      if (states.join() !== this.nodes.map(({ id }) => `${id} alive`).join())
        return `${node.id} sees ${states}`;
      if (nodes.filter(({ leadsSchedules }) => leadsSchedules).length !== 1) return 'there is not one leader';
    }
    return undefined;
  }

  async #tasks(): Promise<string> {
    return told(
      await this.query(
        `select type, state, attempts, node, last_error from tasks where state not in ('done', 'cancelled') and ${ORDINARY}`,
      ),
    );
  }

  async #differences(): Promise<string | undefined> {
    const rows = await this.query(NAMED);
    const named = Map.groupBy(rows, ({ store, node }) => (store === 'local' ? String(node) : 'shared'));
    for (const [where, there] of await this.#keys()) {
      const wanted = new Set(named.get(where)?.map(({ key }) => String(key)));
      const besides = new Set(there).difference(wanted);
      const missing = wanted.difference(new Set(there));
      if (besides.size + missing.size > 0)
        return `${where} holds [${[...besides]}] that nothing names and lacks [${[...missing]}]`;
    }
    return undefined;
  }

  /** Keys of contents by the node that has them, and in the folder that all see. */
  async #keys(): Promise<Map<string, string[]>> {
    const keys = new Map([['shared', await contents(this.#parts.folder, 'shared')]]);
    for (const { id, dataDir } of this.nodes) keys.set(id, await contents(dataDir, 'files'));
    return keys;
  }
}

async function contents(dataDir: string, store: string): Promise<string[]> {
  return (await keysOn({ dataDir }, store)).filter((key) => key !== MARK_KEY);
}

function told(rows: readonly Record<string, unknown>[]): string {
  return rows.map((row) => Object.values(row).join(' ')).join('; ');
}
