import { StoreUsages } from '../server/src/core/store-usage.ts';
import { numbersAndWords } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, KIB, MIB } from './harness/files.ts';
import { type Filled, type GrowingDatabase, secondsSince } from './harness/growth/growing-database.ts';
import { growingMariadb } from './harness/growth/mariadb.ts';
import { OPERATIONS, type Operation, Table } from './harness/growth/operations.ts';
import { growingPostgres } from './harness/growth/postgres.ts';
import { growingSqlite } from './harness/growth/sqlite.ts';
import { median } from './harness/median.ts';
import { printTable } from './harness/report.ts';
import { showProgress } from './harness/rounds.ts';
import type { Workspace } from './harness/workspace.ts';

const ALL = ['sqlite', 'postgres', 'mariadb'];
const { numbers, words } = numbersAndWords(
  { files: 10_000_000, few: 10_000, rounds: 3, milliseconds: 1000, memory: 2048, partitions: 1 },
  { databases: { standard: ALL, all: ALL } },
);
const { files, few, rounds, milliseconds, memory, partitions } = numbers;
/** Most calls of one measurement: those that use something up do not empty the small tables. */
const MOST_CALLS = 3000;

const START: Readonly<Record<string, (workspace: Workspace) => Promise<GrowingDatabase>>> = {
  sqlite: async (workspace) => growingSqlite(workspace),
  postgres: () => growingPostgres(memory),
  mariadb: () => growingMariadb(memory),
};

await benchmark({
  title: `growth: operations of the metadata with ${files} files against ${few}${partitions > 1 ? `, ${partitions} partitions by hash` : ''}`,
  diskBytes: files * 2.5 * KIB + 8 * GIB,
  run: async (workspace) => {
    for (const name of words.databases) {
      if (name === 'sqlite' && partitions > 1) {
        console.log('SQLite has no partitions.\n');
        continue;
      }
      const database = await START[name]?.(workspace);
      if (database === undefined) continue;
      try {
        console.log(database.conditions);
        await measure(database);
      } finally {
        await database.stop();
      }
    }
  },
});

async function measure(database: GrowingDatabase): Promise<void> {
  const small = await filled(database, few);
  const large = await filled(database, files);
  try {
    const rows: string[][] = [];
    const tables = [small, large].map(({ count, metadata }) => new Table(count, metadata));
    for (const operation of OPERATIONS) rows.push(await compare(operation, tables));
    printTable(
      [
        '',
        'clients',
        ...[few, files].flatMap((n) => [`${n}: ms`, 'p99', 'per s']),
        'time, ratio',
        'rate, ratio',
      ],
      rows,
    );
    const walk = performance.now();
    await new StoreUsages(large.metadata).now();
    console.log(
      `one walk over all placements, for the usage of stores: ${secondsSince(walk).toFixed(0)} s\n`,
    );
    await printSizes(large);
  } finally {
    await small.remove();
    await large.remove();
  }
}

async function filled(database: GrowingDatabase, count: number): Promise<Filled> {
  showProgress(`filling in ${count} files`);
  const made = await database.create(count, partitions);
  const { rows, indexes } = made.seconds;
  console.log(`${count} files: rows in ${rows.toFixed(0)} s, indexes in ${indexes.toFixed(0)} s`);
  return made;
}

interface Times {
  readonly each: number[];
  /** By round. */
  readonly rates: number[];
}

/** Both tables in turn, backwards in every other round, after one that does not count. */
async function compare(operation: Operation, tables: readonly Table[]): Promise<string[]> {
  const times = tables.map((): Times => ({ each: [], rates: [] }));
  for (let round = 0; round <= rounds; round += 1) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const index of order) {
      const table = tables[index];
      const kept = round === 0 ? { each: [], rates: [] } : times[index];
      if (table === undefined || kept === undefined) continue;
      await operation.prepare?.(table);
      await callAgainAndAgain(operation, table, kept);
    }
    showProgress(`${operation.name}: round ${round} of ${rounds}`);
  }
  const figures = times.map(({ each, rates }) => ({
    middle: median(each),
    late: each.sort((a, b) => a - b)[Math.floor(each.length * 0.99)] ?? Number.NaN,
    rate: median(rates),
  }));
  const [a, b] = figures;
  return [
    operation.name,
    String(operation.clients),
    ...figures.flatMap(({ middle, late, rate }) => [middle.toFixed(2), late.toFixed(2), rate.toFixed(0)]),
    ((b?.middle ?? 0) / (a?.middle ?? 0)).toFixed(2),
    ((b?.rate ?? 0) / (a?.rate ?? 0)).toFixed(2),
  ];
}

async function callAgainAndAgain(operation: Operation, table: Table, { each, rates }: Times): Promise<void> {
  const start = performance.now();
  let calls = 0;
  const client = async () => {
    while (performance.now() - start < milliseconds && calls < MOST_CALLS * operation.clients) {
      const before = performance.now();
      if ((await operation.call(table)) === false) return;
      each.push(performance.now() - before);
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: operation.clients }, client));
  if (calls > 0) rates.push((calls / (performance.now() - start)) * 1000);
}

async function printSizes(filledDatabase: Filled): Promise<void> {
  const sizes = await filledDatabase.sizes();
  const perMillion = (bytes: number) => ((bytes / filledDatabase.count) * 1e6) / MIB;
  const all = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const rows = [{ table: 'together', bytes: all }, ...sizes]
    .filter(({ bytes }) => bytes >= all / 1000)
    .map(({ table, bytes }) => [table, (bytes / MIB).toFixed(0), perMillion(bytes).toFixed(0)]);
  printTable(['on the disk, indexes included', 'MiB', 'MiB per million files'], rows);
}
