import type { ServerAddress } from '../server/address.ts';
import type { Engine, ServerOptions } from '../server/connection.ts';
import { connectConfig, PostgresConnection } from './connection.ts';
import { postgres } from './dialect.ts';
import { LeftBehind } from './left-behind.ts';

/** Any number that no other program is likely to lock by: "osproxy" in ASCII. */
const MIGRATION_LOCK = '31373049966131321';

export function postgresEngine(address: ServerAddress, options: ServerOptions): Engine {
  const left = new LeftBehind(connectConfig(address, options));
  return {
    dialect: postgres,
    connect: () => PostgresConnection.open(address, options, left),
    connectReplica: (replica, limits) => PostgresConnection.open(replica, limits, undefined),
    close: () => left.close(),
    /** One transaction, so that a migration that fails leaves nothing behind; read committed, to see what another process just migrated. */
    exclusively: async (connection, work) => {
      const patient = connection as PostgresConnection;
      patient.patient = true;
      try {
        await connection.execute('begin', []);
        await connection.execute('set local statement_timeout = 0', []);
        await connection.execute(`select pg_advisory_xact_lock(${MIGRATION_LOCK})`, []);
        const result = await work();
        await connection.commit();
        return result;
      } catch (error) {
        if (connection.usable) await connection.rollback().catch(() => {});
        throw error;
      } finally {
        patient.patient = false;
      }
    },
  };
}
