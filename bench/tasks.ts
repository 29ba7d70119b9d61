import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { announced } from '../server/src/core/events/announced-metadata.ts';
import { systemClock } from '../server/src/core/ports/clock.ts';
import type { Metadata } from '../server/src/core/ports/metadata.ts';
import { silentTelemetry } from '../server/src/core/ports/telemetry.ts';
import { TaskRunner } from '../server/src/core/tasks/runner.ts';
import type { TaskType } from '../server/src/core/tasks/task-type.ts';
import { openMetadata } from '../server/src/drivers/metadata/index.ts';
import { createMariadbDatabase, startMariadb } from '../server/test/services/mariadb.ts';
import { createPostgresDatabase, startPostgres } from '../server/test/services/postgres.ts';
import { numbersAndWords } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB } from './harness/files.ts';
import { residentBytes } from './harness/memory-watch.ts';
import { newId, quiet } from './harness/record-file.ts';
import { PER_SECOND, printRatios, printSeries, printTable } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';

const ALL = ['sqlite', 'postgres', 'mariadb'];
const { numbers, words } = numbersAndWords(
  { rounds: 3, tasks: 1000, latencies: 100, backlog: 1_000_000 },
  { databases: { standard: ALL, all: ALL } },
);
const { rounds, tasks, latencies, backlog } = numbers;
const AT_ONCE = [1, 8];
const BATCH = 1000;
const LEASE_MS = 60_000;
const MEBIBYTE = 1024 * 1024;

interface Subject {
  readonly name: string;
  readonly metadata: Metadata;
}

/** Adds tasks of an idle type, many per transaction. */
async function fill(metadata: Metadata, type: string, count: number): Promise<void> {
  for (let added = 0; added < count; added += BATCH) {
    await metadata.transaction(async (repositories) => {
      for (let i = added; i < Math.min(added + BATCH, count); i += 1)
        await repositories.tasks.enqueue(newId(), { type, key: newId(), payload: {}, maxAttempts: 1 }, i);
    });
  }
}

/** A runner of one type whose handler does nothing but call back. */
function runnerOf(metadata: Metadata, concurrency: number, handled: () => void): TaskRunner {
  const type: TaskType = {
    type: 'bench',
    schema: {},
    handle: async () => {
      handled();
      return 'done';
    },
  };
  return new TaskRunner({
    ...{ metadata, concurrency, types: [type], node: 'bench', ids: { next: newId }, clock: systemClock },
    ...{ logger: quiet, telemetry: silentTelemetry, leaseMs: LEASE_MS },
  });
}

/** Tasks per second from the start of the runner to the end of the last. */
async function dispatchRate(metadata: Metadata, concurrency: number): Promise<number> {
  await fill(metadata, 'bench', tasks);
  const runner = runnerOf(metadata, concurrency, () => {});
  const began = performance.now();
  await runner.start();
  while ((await metadata.tasks.heads(['bench'])).length > 0) await sleep(2);
  const seconds = (performance.now() - began) / 1000;
  await runner.stop();
  await metadata.transaction((repositories) =>
    repositories.tasks.removeEnded(Date.now() + LEASE_MS, tasks * 2),
  );
  return tasks / seconds;
}

/** What a task costs at least: two transactions of one small write each, by as many clients. */
async function bareRate(metadata: Metadata, clients: number): Promise<number> {
  let left = tasks;
  const began = performance.now();
  const client = async (name: string) => {
    while (left > 0) {
      left -= 1;
      for (let write = 0; write < 2; write += 1)
        await metadata.transaction(({ coordination }) =>
          coordination.acquireLease(name, 'bench', Date.now(), 1000),
        );
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(`bench-${index}`)));
  return tasks / ((performance.now() - began) / 1000);
}

/** Milliseconds from the commit of a task to the begin of its handler, on an idle runner. */
async function idleLatencies(plain: Metadata): Promise<readonly number[]> {
  let begun = Promise.withResolvers<number>();
  const runner: TaskRunner = runnerOf(plain, 2, () => begun.resolve(performance.now()));
  const metadata = announced(plain, { after: () => {}, enqueued: (added) => runner.enqueued(added) });
  await runner.start();
  const found: number[] = [];
  for (let i = 0; i < latencies; i += 1) {
    begun = Promise.withResolvers<number>();
    await sleep(20);
    const task = { type: 'bench', key: newId(), payload: {}, maxAttempts: 1 };
    await metadata.transaction((repositories) => repositories.tasks.enqueue(newId(), task, Date.now()));
    const committed = performance.now();
    found.push(Math.max(0, (await begun.promise) - committed));
  }
  await runner.stop();
  return found.sort((a, b) => a - b);
}

async function measureBacklog(subject: Subject): Promise<string[]> {
  const { metadata } = subject;
  await fill(metadata, 'bench', backlog);
  globalThis.gc?.();
  const before = residentBytes(process.pid);
  let handled = 0;
  const runner = runnerOf(metadata, 8, () => {
    handled += 1;
  });
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, residentBytes(process.pid));
  }, 50);
  const began = performance.now();
  await runner.start();
  await sleep(20_000);
  const rate = handled / ((performance.now() - began) / 1000);
  clearInterval(watch);
  await runner.stop();
  const mib = (bytes: number) => (bytes / MEBIBYTE).toFixed(0);
  return [subject.name, backlog.toString(), mib(before), mib(most), rate.toFixed(0)];
}

await benchmark({
  title: `background tasks on ${words.databases.join(', ')}: ${tasks} empty tasks at ${AT_ONCE.join(' and ')} at once against two bare transactions each; ${latencies} tasks on an idle runner; a backlog of ${backlog}`,
  diskBytes: 8 * GIB,
  run: async (workspace) => {
    const subjects: Subject[] = [];
    const servers: { stop(): Promise<void> }[] = [];
    const open = async (name: string, url: string) => {
      const metadata = await openMetadata(url, { logger: quiet, server: { poolSize: 16 } });
      await metadata.migrate();
      subjects.push({ name, metadata });
    };
    try {
      if (words.databases.includes('sqlite'))
        await open('SQLite', `sqlite:${join(workspace.folder('sqlite'), 'osproxy.db')}`);
      if (words.databases.includes('postgres')) {
        const server = await startPostgres({ durable: true });
        servers.push(server);
        await open('PostgreSQL', (await createPostgresDatabase(server.access)).url);
      }
      if (words.databases.includes('mariadb')) {
        const server = await startMariadb({ durable: true });
        servers.push(server);
        await open('MariaDB', (await createMariadbDatabase(server.access)).url);
      }
      await measure(subjects);
    } finally {
      for (const { metadata } of subjects) await metadata.close();
      for (const server of servers) await server.stop();
    }
  },
});

async function measure(subjects: readonly Subject[]): Promise<void> {
  for (const { name, metadata } of subjects) {
    for (const count of AT_ONCE) {
      const series = await measureRounds(
        [
          { name: `${name}, ${count} at once`, measure: () => dispatchRate(metadata, count) },
          { name: `${name}, bare transactions of ${count}`, measure: () => bareRate(metadata, count) },
        ],
        rounds,
      );
      const [subject, reference] = series;
      if (!subject || !reference) return;
      printSeries(series, PER_SECOND);
      printRatios([{ subject, reference }], PER_SECOND);
    }
  }
  const rows: string[][] = [];
  for (const { name, metadata } of subjects) {
    const sorted = await idleLatencies(metadata);
    const at = (part: number) => (sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN).toFixed(1);
    rows.push([name, at(0.5), at(0.95), at(1)]);
  }
  printTable(['ms until a task begins on an idle runner', 'median', '95 %', 'most'], rows);
  const backlogs: string[][] = [];
  for (const subject of subjects) backlogs.push(await measureBacklog(subject));
  printTable(['backlog', 'tasks waiting', 'MiB before', 'MiB at most', 'tasks per s'], backlogs);
}
