import { join } from 'node:path';
import type { Metadata } from '../server/src/core/ports/metadata.ts';
import type { LaneLimits } from '../server/src/drivers/metadata/dialects/server/write-lanes.ts';
import { type MetadataOptions, openMetadata } from '../server/src/drivers/metadata/index.ts';
import { createMariadbDatabase, startMariadb } from '../server/test/services/mariadb.ts';
import { createPostgresDatabase, startPostgres } from '../server/test/services/postgres.ts';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB } from './harness/files.ts';
import { quiet, recordFile } from './harness/record-file.ts';
import { printTable } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';

const { rounds, milliseconds, pool } = numbers({ rounds: 3, milliseconds: 2000, pool: 16 });
const CLIENTS = [1, 8, 64];

type Operation = (metadata: Metadata, mine: string[]) => Promise<void>;

/** What the service does most: a small file recorded whole, and one looked up for a download. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  'record a file': async (metadata, mine) => void mine.push(await recordFile(metadata)),
  'look up a file': async (metadata, mine) => {
    const uid = mine[Math.floor(Math.random() * mine.length)];
    if (uid === undefined) mine.push(await recordFile(metadata));
    else await metadata.files.content(uid);
  },
};

/** How transactions that wait share commits; the second is what the service does. */
const WAYS: Readonly<Record<string, Partial<LaneLimits>>> = {
  'each its own transaction': { groupSize: 1 },
  shared: {},
  'shared, 4 lanes': { lanes: 4 },
  'shared, 1 lane': { lanes: 1, groupSize: 64 },
};

interface Subject {
  readonly name: string;
  readonly metadata: Metadata;
}

await benchmark({
  title: `metadata operations per second on each database at ${CLIENTS.join(', ')} clients in one process`,
  diskBytes: 4 * GIB,
  run: async (workspace) => {
    const subjects: Subject[] = [];
    const open = async (name: string, url: string, options: Partial<MetadataOptions> = {}) => {
      const metadata = await openMetadata(url, { logger: quiet, server: { poolSize: pool }, ...options });
      await metadata.migrate();
      subjects.push({ name, metadata });
    };
    const servers: { stop(): Promise<void> }[] = [];
    try {
      await open('SQLite', `sqlite:${join(workspace.folder('sqlite'), 'osproxy.db')}`);
      const postgres = await startPostgres({ durable: true });
      servers.push(postgres);
      for (const [way, lanes] of Object.entries(WAYS)) {
        await open(`PostgreSQL, ${way}`, (await createPostgresDatabase(postgres.access)).url, { lanes });
      }
      const mariadb = await startMariadb({ durable: true });
      servers.push(mariadb);
      for (const [way, lanes] of Object.entries(WAYS)) {
        await open(`MariaDB, ${way}`, (await createMariadbDatabase(mariadb.access)).url, { lanes });
      }
      await compare(subjects);
    } finally {
      for (const { metadata } of subjects) await metadata.close();
      for (const server of servers) await server.stop();
    }
  },
});

async function compare(subjects: readonly Subject[]): Promise<void> {
  for (const [what, operation] of Object.entries(OPERATIONS)) {
    const rows: string[][] = [];
    const made = new Map(subjects.map(({ name }): [string, string[]] => [name, []]));
    const contenders = CLIENTS.flatMap((clients) =>
      subjects.map(({ name, metadata }) => ({
        name: `${name}, ${clients}`,
        measure: () => perSecond(clients, () => operation(metadata, made.get(name) ?? [])),
      })),
    );
    const series = await measureRounds(contenders, rounds);
    for (const { name } of subjects) {
      const cells = CLIENTS.map((clients) => {
        const found = series.find((one) => one.name === `${name}, ${clients}`);
        return found === undefined ? '' : found.median.toFixed(0);
      });
      rows.push([name, ...cells]);
    }
    printTable([`${what}, per second`, ...CLIENTS.map((clients) => `${clients} clients`)], rows);
  }
}

async function perSecond(clients: number, operation: () => Promise<void>): Promise<number> {
  const start = performance.now();
  let done = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() - start < milliseconds) {
        await operation();
        done += 1;
      }
    }),
  );
  return (done / (performance.now() - start)) * 1000;
}
