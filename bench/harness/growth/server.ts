import type {
  Engine,
  ServerConnection,
} from '../../../server/src/drivers/metadata/dialects/server/connection.ts';
import { openMetadata } from '../../../server/src/drivers/metadata/index.ts';
import { quiet } from '../record-file.ts';
import { eachOf, type Filled, secondsSince } from './growing-database.ts';
import { FILLED_TABLES, fillings, ROWS_PER_BATCH, type Words } from './rows.ts';

/** Connections that fill at the same time. */
const AT_ONCE = 3;
const POOL = 16;

export const FILLING_OPTIONS = {
  poolSize: 1,
  acquireTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  statementTimeoutMs: 3_600_000,
};

/** What servers do differently while they are filled. */
export interface Filler {
  readonly words: Words;
  /** Said on each connection first. */
  readonly session: readonly string[];
  /** What makes a database of empty tables a partitioned one. */
  partition(connection: ServerConnection, partitions: number): Promise<void>;
  /** Takes the indexes off a table; the statements that give it them back may run at the same time as those of other tables. */
  withoutIndexes(connection: ServerConnection, table: string): Promise<readonly string[]>;
  /** Run for each table at the end. */
  finish(table: string): string;
  readonly sizes: string;
}

export async function createOnServer(
  filler: Filler,
  engine: Engine,
  database: { readonly url: string; remove(): Promise<void> },
  count: number,
  partitions: number,
): Promise<Filled> {
  const metadata = await openMetadata(database.url, { logger: quiet, server: { poolSize: POOL } });
  await metadata.migrate();
  const connect = async () => {
    const connection = await engine.connect();
    for (const sql of filler.session) await connection.execute(sql, []);
    return connection;
  };
  const seconds = await fill(filler, connect, count, partitions);
  return {
    count,
    metadata,
    seconds,
    sizes: async () => {
      const connection = await engine.connect();
      const { rows } = await connection.execute(filler.sizes, []);
      await connection.close();
      return (rows as { table_name: string; bytes: string | number }[])
        .map((row) => ({ table: row.table_name, bytes: Number(row.bytes) }))
        .sort((a, b) => b.bytes - a.bytes);
    },
    remove: async () => {
      await metadata.close();
      await database.remove();
    },
  };
}

async function fill(
  filler: Filler,
  connect: () => Promise<ServerConnection>,
  count: number,
  partitions: number,
): Promise<Filled['seconds']> {
  const first = await connect();
  if (partitions > 1) await filler.partition(first, partitions);
  const again = new Map<string, readonly string[]>();
  for (const table of FILLED_TABLES) again.set(table, await filler.withoutIndexes(first, table));
  await first.close();

  const start = performance.now();
  await eachOf(fillings(filler.words), AT_ONCE, async ({ sql }) => {
    const connection = await connect();
    for (let at = 0; at < count; at += ROWS_PER_BATCH) {
      await connection.execute(sql, filler.words.batch(at, Math.min(ROWS_PER_BATCH, count - at)));
    }
    await connection.close();
  });
  const rows = secondsSince(start);

  const middle = performance.now();
  await eachOf([...again], AT_ONCE, async ([table, statements]) => {
    const connection = await connect();
    for (const sql of statements) await connection.execute(sql, []);
    await connection.execute(filler.finish(table), []);
    await connection.close();
  });
  return { rows, indexes: secondsSince(middle) };
}
