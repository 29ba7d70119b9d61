import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Connection, createConnection } from 'mysql2/promise';
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
const URL_VARIABLE = 'OSPROXY_TEST_MARIADB_URL';
const PASSWORD = 'maria-test-password';

const NOT_DURABLE = [
  '--innodb-flush-log-at-trx-commit=2',
  '--innodb-flush-method=nosync',
  '--innodb-doublewrite=off',
  '--debug-no-sync',
  '--sync-frm=off',
];

export function sharedMariadb(): Promise<Pick<SqlServer, 'access' | 'stop'>> {
  return namedOrOwn(URL_VARIABLE, startMariadb);
}

export interface MariadbOptions {
  /** Waits for the disk as a server in use does. */
  readonly durable?: boolean;
  /** Options of the server, each as `--name=value`; they count before those that it has here. */
  readonly flags?: readonly string[];
}

/** Options of a server that others can follow. */
export const REPLICATED = ['--server-id=1', '--log-bin=log'];

/** A server that follows one that startMariadb started with REPLICATED, by global transaction ids. */
export async function startMariadbReplica(primary: SqlServer): Promise<SqlReplica> {
  const server = await startMariadb({
    flags: ['--server-id=2', '--read-only', '--relay-log=relay'],
  });
  const say = (...statements: string[]) =>
    withConnection(server.access.url, async (connection) => {
      for (const statement of statements) await connection.query(statement);
    });
  try {
    const { username, password } = new URL(primary.access.url);
    await say(
      `change master to master_host='127.0.0.1', master_port=${primary.port}, master_user='${username}',
        master_password='${password}', master_use_gtid=slave_pos, master_connect_retry=1`,
      'start slave',
    );
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    port: server.port,
    urlOf: (primaryUrl) => atPort(primaryUrl, server.port),
    pause: () => say('stop slave sql_thread'),
    resume: () => say('start slave sql_thread'),
    kill: () => server.kill(),
    start: () => server.start(),
    stop: () => server.stop(),
  };
}

/** A MariaDB server of its own on loopback. */
export async function startMariadb(options: MariadbOptions = {}): Promise<SqlServer> {
  const absent = await ensurePackages([{ command: 'mariadbd', packages: ['mariadb-server'] }]);
  if (absent !== undefined) throw new ServiceUnavailable(absent);
  requireRoot();
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-mariadb-'));
  const server = new OwnMariadb(folder, await freePort(), options);
  try {
    await server.initialize();
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class OwnMariadb implements SqlServer {
  readonly access: SqlServerAccess;
  readonly port: number;
  readonly #folder: string;
  readonly #options: MariadbOptions;
  #daemon: Daemon | undefined;

  constructor(folder: string, port: number, options: MariadbOptions) {
    this.#folder = folder;
    this.port = port;
    this.#options = options;
    this.access = { url: `mariadb://test:${PASSWORD}@127.0.0.1:${port}/test` };
  }

  async initialize(): Promise<void> {
    await chmod(this.#folder, 0o755);
    for (const name of ['data', 'tmp']) await mkdir(join(this.#folder, name));
    await run('chown', ['-R', 'mysql:mysql', this.#folder]);
    const data = ['--no-defaults', '--user=mysql', `--datadir=${join(this.#folder, 'data')}`];
    const quick = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-log-bin'];
    await run('mariadb-install-db', [...data, ...quick]);
    const setUp = [
      // What every server here has of its own is not handed on.
      'set sql_log_bin = 0;',
      'create database test;',
      `create user test identified by '${PASSWORD}';`,
      'grant all on *.* to test with grant option;',
    ];
    await writeFile(join(this.#folder, 'init.sql'), `${setUp.join('\n')}\n`);
  }

  async start(): Promise<void> {
    const fresh = this.#daemon === undefined ? [`--init-file=${join(this.#folder, 'init.sql')}`] : [];
    const memory = [
      '--innodb-buffer-pool-size=64M',
      '--innodb-log-file-size=32M',
      '--performance-schema=off',
    ];
    const flags = [
      ...['--no-defaults', `--datadir=${join(this.#folder, 'data')}`],
      ...[`--tmpdir=${join(this.#folder, 'tmp')}`, `--socket=${join(this.#folder, 'socket')}`],
      ...['--bind-address=127.0.0.1', `--port=${this.port}`, '--skip-name-resolve', '--max-connections=300'],
      ...(this.#options.durable ? [] : NOT_DURABLE),
    ];
    // The system forgets pdeathsig when the user changes, so it is set after that.
    const dying = ['--reuid=mysql', '--regid=mysql', '--init-groups', 'setpriv', '--pdeathsig', 'KILL'];
    this.#daemon = await Daemon.start(
      '/usr/bin/setpriv',
      [...dying, 'mariadbd', ...flags, ...memory, ...(this.#options.flags ?? []), ...fresh],
      join(this.#folder, 'log'),
    );
    await this.#daemon.ready(() => answers(this.access.url), 60_000);
  }

  async kill(): Promise<void> {
    await this.#daemon?.kill();
  }

  async shutDown(): Promise<void> {
    await this.#daemon?.stop({ signal: 'SIGTERM', graceMs: 15_000 });
  }

  async stop(): Promise<void> {
    await this.shutDown();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function answers(url: string): Promise<boolean> {
  return withConnection(url, async (connection) => (await connection.query('select 1')).length > 0);
}

/** Connects for one piece of work. */
async function withConnection<T>(url: string, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await createConnection({
    uri: url.replace(/^mariadb:/, 'mysql:'),
    connectTimeout: 5000,
  });
  connection.on('error', () => {});
  try {
    return await work(connection);
  } finally {
    connection.destroy();
  }
}

/** Rows of a statement, in the database that the URL names. */
export function queryMariadb({ url }: SqlServerAccess, sql: string): Promise<Record<string, unknown>[]> {
  return withConnection(url, async (connection) => {
    const [rows] = await connection.query({ sql, supportBigNumbers: true, bigNumberStrings: true });
    return rows as Record<string, unknown>[];
  });
}

/** A new empty database in the server, whose own character set is not the one that osproxy needs. */
export function createMariadbDatabase(access: SqlServerAccess): Promise<SqlDatabase> {
  return ensureMariadbDatabase(access, `test_${randomUUID().replaceAll('-', '')}`);
}

/** The database with this name, in lower-case letters, digits and `_`; made empty when it is not there. */
export async function ensureMariadbDatabase({ url }: SqlServerAccess, name: string): Promise<SqlDatabase> {
  await withConnection(url, (connection) =>
    connection.query(`create database if not exists ${name} character set latin1`),
  );
  const own = new URL(url);
  own.pathname = `/${name}`;
  return {
    url: own.href,
    remove: async () => {
      await withConnection(url, (connection) => connection.query(`drop database if exists ${name}`));
    },
  };
}
