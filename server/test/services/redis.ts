import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Daemon } from './daemon.ts';
import { ensurePackages, type Requirement } from './packages.ts';
import { freePort } from './ports.ts';
import { ServiceUnavailable } from './service-unavailable.ts';

const run = promisify(execFile);
const URL_VARIABLE = 'OSPROXY_TEST_REDIS_URL';
const READY_MS = 20_000;
const NEEDS: readonly Requirement[] = [
  { command: 'redis-server', packages: ['redis-server'] },
  { command: 'redis-cli', packages: ['redis-tools'] },
];

/** How to reach the Redis that all test files share; each test takes a prefix of its own. */
export interface RedisAccess {
  readonly url: string;
}

/** A prefix that no other test has. */
export function ownPrefix(): string {
  return `test-${randomUUID()}:`;
}

/** The Redis that the environment names, which runs elsewhere and goes on, or one of our own. */
export async function sharedRedis(): Promise<{ readonly access: RedisAccess; stop(): Promise<void> }> {
  const url = process.env[URL_VARIABLE];
  if (url) return { access: { url }, stop: async () => {} };
  const server = await startRedis().catch((error: unknown): never => {
    if (!(error instanceof ServiceUnavailable)) throw error;
    throw new ServiceUnavailable(`${error.message}; or set ${URL_VARIABLE}`);
  });
  return { access: { url: server.url }, stop: () => server.stop() };
}

/** For tests that start their own. */
export async function requireRedis(): Promise<{ readonly access: null; stop(): Promise<void> }> {
  const absent = await ensurePackages(NEEDS);
  if (absent !== undefined) throw new ServiceUnavailable(absent);
  return { access: null, stop: async () => {} };
}

/** One Redis that keeps nothing on disk; a test that wants to harm it starts its own. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #daemon: Daemon | undefined;

  constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, empty, on the port it had before. */
  async start(): Promise<void> {
    if (this.#daemon?.running) throw new Error('This Redis is running already.');
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    const forgetful = ['--save', '', '--appendonly', 'no'];
    const log = join(this.#folder, `${this.port}.log`);
    this.#daemon = await Daemon.start('redis-server', [...own, ...forgetful, ...this.#args], log);
    await this.#daemon.ready(async () => {
      await this.command('PING').catch((error: Error) => {
        if (!/NOAUTH/.test(error.message)) throw error;
      });
      return true;
    }, READY_MS);
  }

  /** What redis-cli prints for a command. */
  async command(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('redis-cli', ['-e', '-p', String(this.port), ...args], { timeout: 10_000 });
    return stdout.trim();
  }

  kill(): Promise<void> {
    return this.#daemon?.kill() ?? Promise.resolve();
  }

  freeze(): void {
    this.#daemon?.freeze();
  }

  thaw(): void {
    this.#daemon?.thaw();
  }

  /** For good. */
  async stop(): Promise<void> {
    await this.#daemon?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A Redis of its own; `args` as on the command line of redis-server. */
export async function startRedis(...args: readonly string[]): Promise<RedisServer> {
  await requireRedis();
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-redis-'));
  const server = new RedisServer(await freePort(), folder, args);
  return started(server);
}

export interface RedisSet {
  readonly url: string;
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}

const MASTER = 'mymaster';
const SENTINELS = 3;

/** A master with a replica and three sentinels that fail over within about a second. */
export async function startSentinelSet(): Promise<RedisSet> {
  const master = await startRedis();
  const servers = [master];
  const sentinels: { readonly daemon: Daemon; readonly folder: string }[] = [];
  const stop = async () => {
    await Promise.all(sentinels.map(({ daemon }) => daemon.stop()));
    await Promise.all(sentinels.map(({ folder }) => rm(folder, { recursive: true, force: true })));
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const fast = ['--repl-diskless-sync', 'yes', '--repl-diskless-sync-delay', '0'];
    const replica = await startRedis('--replicaof', '127.0.0.1', String(master.port), ...fast);
    servers.push(replica);
    await until('the replica follows', async () =>
      /master_link_status:up/.test(await replica.command('INFO')),
    );
    const ports: number[] = [];
    for (let index = 0; index < SENTINELS; index += 1) {
      const port = await freePort();
      const folder = await mkdtemp(join(tmpdir(), 'osproxy-sentinel-'));
      await writeFile(join(folder, 'sentinel.conf'), sentinelConfig(port, folder, master.port));
      const args = [join(folder, 'sentinel.conf'), '--sentinel'];
      sentinels.push({ daemon: await Daemon.start('redis-server', args, join(folder, 'log')), folder });
      ports.push(port);
    }
    for (const port of ports) {
      await until('the sentinels know each other and the replica', async () => {
        const { stdout } = await run('redis-cli', ['-p', String(port), 'SENTINEL', 'MASTER', MASTER]);
        const value = (name: string) => new RegExp(`^${name}\n(\\d+)`, 'm').exec(stdout)?.[1];
        return value('num-other-sentinels') === String(SENTINELS - 1) && value('num-slaves') === '1';
      });
    }
    const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
    return { url: `redis+sentinel://${hosts}/${MASTER}`, servers, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function sentinelConfig(port: number, folder: string, masterPort: number): string {
  return `port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} 2
sentinel down-after-milliseconds ${MASTER} 500
sentinel failover-timeout ${MASTER} 2000
`;
}

/** Three masters that share the keys. */
export async function startRedisCluster(): Promise<RedisSet> {
  const servers: RedisServer[] = [];
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop())));
  try {
    for (let index = 0; index < 3; index += 1) {
      const bus = String(await freePort());
      const timeout = ['--cluster-node-timeout', '4000'];
      servers.push(await startRedis('--cluster-enabled', 'yes', '--cluster-port', bus, ...timeout));
    }
    const hosts = servers.map(({ port }) => `127.0.0.1:${port}`);
    await run('redis-cli', ['--cluster', 'create', ...hosts, '--cluster-yes'], { timeout: 30_000 });
    for (const server of servers) {
      await until('the cluster is whole', async () => {
        const info = await server.command('CLUSTER', 'INFO');
        return /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info);
      });
    }
    return { url: `redis+cluster://${hosts.join(',')}`, servers, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function started(server: RedisServer): Promise<RedisServer> {
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + READY_MS; !(await look().catch(() => false)); ) {
    if (Date.now() > deadline) throw new Error(`After ${READY_MS} ms still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
