import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { Daemon } from './daemon.ts';
import { ensurePackages } from './packages.ts';
import { freePort } from './ports.ts';
import { ServiceUnavailable } from './service-unavailable.ts';
import {
  atPort,
  namedOrOwn,
  requireRoot,
  type SqlDatabase,
  type SqlReplica,
  type SqlServer,
  type SqlServerAccess,
} from './sql-server.ts';

const run = promisify(execFile);
const VERSIONS = '/usr/lib/postgresql';
const URL_VARIABLE = 'OSPROXY_TEST_POSTGRES_URL';
const PASSWORD = 'pg-test-password';

export function sharedPostgres(): Promise<Pick<SqlServer, 'access' | 'stop'>> {
  return namedOrOwn(URL_VARIABLE, startPostgres);
}

export interface PostgresOptions {
  /** Waits for the disk as a server in use does. */
  readonly durable?: boolean;
  /** Settings of the server beside those that it has here. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A hot standby of a server that startPostgres started, by streaming replication. */
export async function startPostgresReplica(primary: SqlServer): Promise<SqlReplica> {
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-postgres-replica-'));
  const server = new OwnPostgres(folder, await freePort(), {});
  const call = (name: string) =>
    withClient(server.access.url, async (client) => void (await client.query(`select ${name}()`)));
  try {
    await server.copy(primary.access.url);
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    port: server.port,
    urlOf: (primaryUrl) => atPort(primaryUrl, server.port),
    pause: () => call('pg_wal_replay_pause'),
    resume: () => call('pg_wal_replay_resume'),
    kill: () => server.kill(),
    start: () => server.start(),
    stop: () => server.stop(),
  };
}

/** A PostgreSQL server of its own on loopback. */
export async function startPostgres(options: PostgresOptions = {}): Promise<SqlServer> {
  const absent = await ensurePackages([{ command: `${VERSIONS}/*/bin/postgres`, packages: ['postgresql'] }]);
  if (absent !== undefined) throw new ServiceUnavailable(absent);
  requireRoot();
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-postgres-'));
  const server = new OwnPostgres(folder, await freePort(), options);
  try {
    await server.initialize();
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class OwnPostgres implements SqlServer {
  readonly access: SqlServerAccess;
  readonly port: number;
  readonly #folder: string;
  readonly #options: PostgresOptions;
  #bin = '';
  #daemon: Daemon | undefined;

  constructor(folder: string, port: number, options: PostgresOptions) {
    this.#folder = folder;
    this.port = port;
    this.#options = options;
    this.access = { url: `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres` };
  }

  async initialize(): Promise<void> {
    await this.#prepare();
    const passwordFile = join(this.#folder, 'password');
    await writeFile(passwordFile, PASSWORD, { mode: 0o644 });
    const data = ['-D', join(this.#folder, 'data'), '-U', 'postgres', '-A', 'scram-sha-256'];
    const text = ['--pwfile', passwordFile, '-E', 'UTF8', '--locale=C.UTF-8', '-N'];
    await run('setpriv', [...asPostgres(), join(this.#bin, 'initdb'), ...data, ...text], {
      cwd: this.#folder,
    });
  }

  /** Takes over what the server of the URL has, and follows it from then on. */
  async copy(url: string): Promise<void> {
    await this.#prepare();
    const how = ['-d', url, '-R', '-X', 'stream', '-c', 'fast', '-D', join(this.#folder, 'data')];
    await run('setpriv', [...asPostgres(), join(this.#bin, 'pg_basebackup'), ...how], { cwd: this.#folder });
  }

  async #prepare(): Promise<void> {
    const versions = (await readdir(VERSIONS)).sort((a, b) => Number(a) - Number(b));
    this.#bin = join(VERSIONS, versions.at(-1) ?? '', 'bin');
    const { stdout } = await run('id', ['-u', 'postgres']);
    const group = await run('id', ['-g', 'postgres']);
    await chown(this.#folder, Number(stdout), Number(group.stdout));
  }

  async start(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.#folder,
      shared_buffers: '64MB',
      max_connections: '200',
      ...(this.#options.durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
      ...this.#options.settings,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    // The system forgets pdeathsig when the user changes, so it is set after that.
    const dying = ['setpriv', '--pdeathsig', 'QUIT', join(this.#bin, 'postgres')];
    const args = [
      ...asPostgres(),
      ...dying,
      '-D',
      join(this.#folder, 'data'),
      '-p',
      String(this.port),
      ...flags,
    ];
    this.#daemon = await Daemon.start('/usr/bin/setpriv', args, join(this.#folder, 'log'));
    await this.#daemon.ready(() => answers(this.access.url), 30_000);
  }

  async kill(): Promise<void> {
    await this.#daemon?.kill();
    // Its children notice within moments; the next start waits until they have let go of the memory they share.
  }

  async shutDown(): Promise<void> {
    await this.#daemon?.stop({ signal: 'SIGINT', graceMs: 10_000 });
  }

  async stop(): Promise<void> {
    await this.shutDown();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function asPostgres(): string[] {
  return ['--reuid=postgres', '--regid=postgres', '--init-groups'];
}

async function answers(url: string): Promise<boolean> {
  return withClient(url, async (client) => (await client.query('select 1')).rowCount === 1);
}

/** Connects for one piece of work. */
async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Rows of a statement, in the database that the URL names. */
export function queryPostgres({ url }: SqlServerAccess, sql: string): Promise<Record<string, unknown>[]> {
  return withClient(url, async (client) => (await client.query(sql)).rows);
}

/** A new empty database in the server; `options` as CREATE DATABASE takes them. */
export async function createPostgresDatabase(
  access: SqlServerAccess,
  options = "template template0 encoding 'UTF8'",
): Promise<SqlDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await withClient(access.url, (client) => client.query(`create database ${name} ${options}`));
  return databaseOf(access, name);
}

/** The database with this name, in lower-case letters, digits and `_`; made empty when it is not there. */
export async function ensurePostgresDatabase(access: SqlServerAccess, name: string): Promise<SqlDatabase> {
  await withClient(access.url, async (client) => {
    const there = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (there.rowCount === 0)
      await client.query(`create database ${name} template template0 encoding 'UTF8'`);
  });
  return databaseOf(access, name);
}

function databaseOf({ url }: SqlServerAccess, name: string): SqlDatabase {
  const own = new URL(url);
  own.pathname = `/${name}`;
  return {
    url: own.href,
    remove: async () => {
      await withClient(url, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** What the server does by itself some time after much was written: dead rows are cleared away, and the planner learns what is there. */
export function vacuumPostgres(url: string): Promise<void> {
  return withClient(url, async (client) => void (await client.query('vacuum analyze')));
}
