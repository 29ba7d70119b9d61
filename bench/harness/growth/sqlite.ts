import { hash } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { openMetadata } from '../../../server/src/drivers/metadata/index.ts';
import { quiet } from '../record-file.ts';
import type { Workspace } from '../workspace.ts';
import { type Filled, type GrowingDatabase, secondsSince } from './growing-database.ts';
import { fillings, ROWS_PER_BATCH, type Words } from './rows.ts';

const WORDS: Words = {
  series:
    '(with recursive s(i) as (select cast(?1 as integer) union all select i + 1 from s where i < ?2) select i from s)',
  batch: (first, count) => [first, first + count - 1],
  sha256: (text) => `sha256(${text})`,
};

/** While it is filled: in memory as far as it goes, and nothing is safe from a crash. */
const FILLING =
  'pragma journal_mode = memory; pragma synchronous = off; pragma cache_size = -2000000; pragma locking_mode = exclusive';

export function growingSqlite(workspace: Workspace): GrowingDatabase {
  let made = 0;
  return {
    conditions: 'SQLite with the settings of the service (WAL, a sync for each commit, caches of 64 MiB)',
    create: async (count) => {
      made += 1;
      const folder = workspace.folder(`sqlite-${made}`);
      const path = join(folder, 'osproxy.db');
      const empty = await openMetadata(`sqlite:${path}`, { logger: quiet });
      await empty.migrate();
      await empty.close();
      const seconds = await fill(path, count);
      return opened(folder, path, count, seconds);
    },
    stop: async () => {},
  };
}

async function opened(
  folder: string,
  path: string,
  count: number,
  seconds: Filled['seconds'],
): Promise<Filled> {
  const metadata = await openMetadata(`sqlite:${path}`, { logger: quiet });
  return {
    count,
    metadata,
    seconds,
    sizes: async () => [{ table: 'all', bytes: statSync(path).size }],
    remove: async () => {
      await metadata.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function fill(path: string, count: number): Promise<Filled['seconds']> {
  const database = new DatabaseSync(path);
  try {
    const pure = { deterministic: true };
    for (const name of ['md5', 'sha256']) {
      database.function(name, pure, (text) => hash(name, String(text)));
    }
    database.exec(FILLING);
    const indexes = database
      .prepare("select name, sql from sqlite_master where type = 'index' and sql is not null")
      .all() as { name: string; sql: string }[];
    for (const { name } of indexes) database.exec(`drop index "${name}"`);
    const start = performance.now();
    const statements = fillings(WORDS).map(({ sql }) => database.prepare(sql));
    // In one transaction all pages are new ones, of which no journal is kept.
    database.exec('begin');
    for (let first = 0; first < count; first += ROWS_PER_BATCH) {
      const batch = WORDS.batch(first, Math.min(ROWS_PER_BATCH, count - first));
      for (const statement of statements) statement.run(...batch);
      // Signals are heard in between.
      await setImmediate();
    }
    database.exec('commit');
    const rows = secondsSince(start);
    const middle = performance.now();
    for (const { sql } of indexes) {
      database.exec(sql);
      await setImmediate();
    }
    database.exec('pragma journal_mode = delete');
    return { rows, indexes: secondsSince(middle) };
  } finally {
    database.close();
  }
}
