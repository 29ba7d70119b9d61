import { postgresEngine } from '../../../server/src/drivers/metadata/dialects/postgres/engine.ts';
import { parseAddress } from '../../../server/src/drivers/metadata/dialects/server/address.ts';
import type { ServerConnection } from '../../../server/src/drivers/metadata/dialects/server/connection.ts';
import { createPostgresDatabase, startPostgres } from '../../../server/test/services/postgres.ts';
import type { GrowingDatabase } from './growing-database.ts';
import { createOnServer, FILLING_OPTIONS, type Filler } from './server.ts';

/** Tables by the column that they can be spread by: the one that most look-ups know. */
const SPREAD_BY = { files: 'uid', blobs: 'id', manifests: 'id', manifest_parts: 'manifest_id' };

const filler: Filler = {
  words: {
    series: 'generate_series($1::bigint, $2::bigint) as s(i)',
    batch: (first, count) => [first, first + count - 1],
    sha256: (text) => `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`,
  },
  session: [
    'set synchronous_commit = off',
    "set maintenance_work_mem = '384MB'",
    'set max_parallel_maintenance_workers = 0',
  ],
  partition: async (connection, partitions) => {
    for (const [table, column] of Object.entries(SPREAD_BY))
      await spread(connection, table, column, partitions);
  },
  withoutIndexes: async (connection, table) => {
    const unique = await texts(
      connection,
      `select conname || '|' || pg_get_constraintdef(oid) as text from pg_constraint where conrelid = '${table}'::regclass and contype = 'u'`,
    );
    const again: string[] = [];
    for (const [name = '', definition = ''] of unique.map((text) => text.split('|'))) {
      await connection.execute(`alter table ${table} drop constraint ${name}`, []);
      again.push(`alter table ${table} add constraint ${name} ${definition}`);
    }
    for (const { name, sql } of await plainIndexes(connection, table)) {
      await connection.execute(`drop index ${name}`, []);
      again.push(sql.replace(' ON ONLY ', ' ON '));
    }
    return again;
  },
  finish: (table) => `vacuum (analyze) ${table}`,
  sizes: `select coalesce(parent.relname, c.relname) as table_name, sum(pg_total_relation_size(c.oid)) as bytes
    from pg_class c left join pg_inherits i on i.inhrelid = c.oid left join pg_class parent on parent.oid = i.inhparent
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace group by 1`,
};

/** The same empty table again, spread by hash. A unique constraint without the column is not to be had: it becomes a plain index. */
async function spread(
  connection: ServerConnection,
  table: string,
  column: string,
  partitions: number,
): Promise<void> {
  const run = (sql: string) => connection.execute(sql, []);
  const [key = ''] = await texts(
    connection,
    `select pg_get_constraintdef(oid) as text from pg_constraint where conrelid = '${table}'::regclass and contype = 'p'`,
  );
  const indexes = await plainIndexes(connection, table);
  await run(`alter table ${table} rename to ${table}_whole`);
  await run(`create table ${table} (like ${table}_whole including defaults) partition by hash (${column})`);
  await run(`drop table ${table}_whole`);
  for (let part = 0; part < partitions; part += 1) {
    await run(
      `create table ${table}_${part} partition of ${table} for values with (modulus ${partitions}, remainder ${part})`,
    );
  }
  await run(`alter table ${table} add ${key}`);
  for (const { sql } of indexes) await run(sql);
  if (table === 'blobs') await run('create index blobs_identity on blobs (identity)');
}

async function plainIndexes(
  connection: ServerConnection,
  table: string,
): Promise<readonly { name: string; sql: string }[]> {
  const found = await texts(
    connection,
    `select indexname || '|' || indexdef as text from pg_indexes where tablename = '${table}'
      and indexname not in (select conname from pg_constraint where conrelid = '${table}'::regclass)`,
  );
  return found.map((text) => {
    const [name = '', ...sql] = text.split('|');
    return { name, sql: sql.join('|') };
  });
}

async function texts(connection: ServerConnection, sql: string): Promise<readonly string[]> {
  const { rows } = await connection.execute(sql, []);
  return (rows as { text: string }[]).map(({ text }) => text);
}

export async function growingPostgres(memoryMiB: number): Promise<GrowingDatabase> {
  const settings = {
    shared_buffers: `${memoryMiB}MB`,
    max_wal_size: '4GB',
    checkpoint_timeout: '15min',
    random_page_cost: '1.1',
  };
  const server = await startPostgres({ durable: true, settings });
  return {
    conditions: `PostgreSQL, fsync on, ${Object.entries(settings)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
    create: async (count, partitions) => {
      const database = await createPostgresDatabase(server.access);
      const engine = postgresEngine(parseAddress(database.url), FILLING_OPTIONS);
      return createOnServer(filler, engine, database, count, partitions);
    },
    stop: () => server.stop(),
  };
}
