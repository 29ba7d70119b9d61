import { OsproxyError } from '#core/errors.ts';
import type { ServerAddress } from '../server/address.ts';
import type { Engine, ServerOptions } from '../server/connection.ts';
import { type MysqlChoices, MysqlConnection } from './connection.ts';
import { mariadb, mysql } from './dialect.ts';

/** Another process may be migrating a large database. */
const LOCK_SECONDS = 3600;
/** Locks belong to the whole server, so the name tells databases apart; at most 64 characters. */
const LOCK_NAME = "concat('osproxy-', sha1(database()))";

/** Connects once, to learn which kind of server it is. */
export async function mysqlEngine(
  address: ServerAddress,
  options: ServerOptions,
  choices: MysqlChoices = {},
): Promise<Engine> {
  const first = await MysqlConnection.open(address, options, choices);
  const { kind } = first.facts;
  await first.close();
  const unlimited = kind === 'mariadb' ? 'max_statement_time' : 'max_execution_time';
  return {
    dialect: kind === 'mariadb' ? mariadb : mysql,
    connect: () => MysqlConnection.open(address, options, choices),
    connectReplica: (replica, limits) =>
      MysqlConnection.open(replica, limits, { ...choices, mayBeReplica: true }),
    close: () => {},
    /** Each statement of a migration is final here, so one that was cut off runs again over what it had made. */
    exclusively: async (given, work) => {
      const connection = given as MysqlConnection;
      connection.migrating = true;
      try {
        await connection.command(`set session ${unlimited} = 0`);
        const { rows } = await connection.execute(
          `select get_lock(${LOCK_NAME}, ${LOCK_SECONDS}) as taken`,
          [],
        );
        const [row] = rows as { taken: number | string | null }[];
        if (Number(row?.taken ?? 0) !== 1) {
          throw new OsproxyError(
            'Unavailable',
            'Another process has been migrating the database for too long.',
          );
        }
        return await work();
      } finally {
        // The lock, and what was set, end with the connection.
        await connection.close();
      }
    },
  };
}
