import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { ServerAddress } from '../server/address.ts';
import { DatabaseError } from '../server/trouble.ts';

/** What the two kinds of server, and their versions, differ in. */
export interface ServerFacts {
  readonly kind: 'mariadb' | 'mysql';
  /** True when a transaction that writes a row newer than its snapshot is refused. */
  readonly snapshots: boolean;
}

const OLDEST = { mariadb: [10, 6], mysql: [8, 0] } as const;
const MODES = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';
/** The least a server can be told: who waits for a row longer gives way and is run again. */
const LOCK_WAIT_SECONDS = 1;
/** After this a MySQL server ends a connection that a stopped process left with rows locked. */
const MYSQL_IDLE_SECONDS = 300;

/** Throws with one sentence when the server is too old or takes no changes. */
export async function inspectServer(
  connection: Connection,
  { host, port }: ServerAddress,
  mayBeReplica: boolean,
): Promise<ServerFacts> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'select version() as version, @@read_only as standby',
  );
  const version = String(rows[0]?.version);
  const standby = Number(rows[0]?.standby);
  const kind = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
  const at = `The server at ${host}:${port}`;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = OLDEST[kind];
  if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
    refuse(`${at} is version ${version}; osproxy needs MariaDB 10.6 or MySQL 8.0 or later.`);
  }
  if (standby !== 0 && !mayBeReplica) {
    refuse(`${at} is a replica that takes no changes; database.url must name the primary.`);
  }
  const [found] = await connection.query<RowDataPacket[]>("show variables like 'innodb_snapshot_isolation'");
  return { kind, snapshots: found.length > 0 };
}

/** What every statement on the connection may rely on. */
export async function prepareSession(
  connection: Connection,
  { kind, snapshots }: ServerFacts,
  statementTimeoutMs: number,
): Promise<void> {
  const seconds = Math.ceil(statementTimeoutMs / 1000);
  const settings = [
    `sql_mode = '${MODES}'`,
    `innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}`,
    'default_storage_engine = InnoDB',
    // EXISTS looks into an index for each row, instead of first gathering all that an owner has.
    "optimizer_switch = 'materialization=off'",
    ...(kind === 'mariadb'
      ? [
          `max_statement_time = ${statementTimeoutMs / 1000}`,
          `idle_transaction_timeout = ${seconds}`,
          // Long lists stay ranges of an index.
          'in_predicate_conversion_threshold = 0',
        ]
      : [`max_execution_time = ${statementTimeoutMs}`, `wait_timeout = ${MYSQL_IDLE_SECONDS}`]),
    ...(snapshots ? ['innodb_snapshot_isolation = on'] : []),
  ];
  await connection.query(`set session ${settings.join(', ')}`);
  const level = snapshots ? 'repeatable read' : 'serializable';
  await connection.query(`set session transaction isolation level ${level}`);
}

function refuse(sentence: string): never {
  throw new DatabaseError('lost', 'Unavailable', sentence, { retryable: false });
}
