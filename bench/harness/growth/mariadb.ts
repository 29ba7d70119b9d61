import { mysqlEngine } from '../../../server/src/drivers/metadata/dialects/mysql/engine.ts';
import { parseAddress } from '../../../server/src/drivers/metadata/dialects/server/address.ts';
import { createMariadbDatabase, startMariadb } from '../../../server/test/services/mariadb.ts';
import type { GrowingDatabase } from './growing-database.ts';
import { ROWS_PER_BATCH } from './rows.ts';
import { createOnServer, FILLING_OPTIONS, type Filler } from './server.ts';

const filler: Filler = {
  words: {
    series: `(select seq + ? as i from seq_0_to_${ROWS_PER_BATCH - 1} where seq < ?) as s`,
    batch: (first, count) => [first, count],
    sha256: (text) => `sha2(${text}, 256)`,
  },
  session: [
    "set session sql_mode = concat(@@sql_mode, ',PIPES_AS_CONCAT,ANSI_QUOTES'), unique_checks = 0, max_statement_time = 0",
  ],
  partition: async (connection, partitions) => {
    const by = (column: string) => `partition by key (${column}) partitions ${partitions}`;
    for (const sql of [
      `alter table files ${by('uid')}`,
      // A unique key must contain the column that spreads the rows.
      `alter table blobs drop index blobs_identity, add index blobs_identity (identity)`,
      `alter table blobs ${by('id')}`,
      `alter table manifests ${by('id')}`,
      `alter table manifest_parts ${by('manifest_id')}`,
    ]) {
      await connection.execute(sql, []);
    }
  },
  withoutIndexes: async (connection, table) => {
    const { rows } = await connection.execute(
      `select index_name as name, non_unique as free, group_concat(concat('"', column_name, '"') order by seq_in_index) as columns
        from information_schema.statistics where table_schema = database() and table_name = ? and index_name <> 'PRIMARY' group by 1, 2`,
      [table],
    );
    const indexes = rows as { name: string; free: number | string; columns: string }[];
    if (indexes.length === 0) return [];
    await connection.execute(
      `alter table ${table} ${indexes.map(({ name }) => `drop index ${name}`).join(', ')}`,
      [],
    );
    const adds = indexes.map(
      ({ name, free, columns }) => `add ${Number(free) === 0 ? 'unique ' : ''}index ${name} (${columns})`,
    );
    return [`alter table ${table} ${adds.join(', ')}`];
  },
  finish: (table) => `analyze table ${table}`,
  sizes: `select substring_index(substring_index(name, '/', -1), '#', 1) as table_name, sum(file_size) as bytes
    from information_schema.innodb_sys_tablespaces where name like concat(database(), '/%') group by 1`,
};

export async function growingMariadb(memoryMiB: number): Promise<GrowingDatabase> {
  const flags = [
    `--innodb-buffer-pool-size=${memoryMiB}M`,
    '--innodb-log-file-size=2G',
    '--innodb-sort-buffer-size=64M',
    '--innodb-online-alter-log-max-size=1G',
  ];
  const server = await startMariadb({ durable: true, flags });
  return {
    conditions: `MariaDB, durable commits, ${flags.join(' ')}`,
    create: async (count, partitions) => {
      const database = await createMariadbDatabase(server.access);
      const engine = await mysqlEngine(parseAddress(database.url), FILLING_OPTIONS);
      return createOnServer(filler, engine, database, count, partitions);
    },
    stop: () => server.stop(),
  };
}
