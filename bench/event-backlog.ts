import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Metadata } from '../server/src/core/ports/metadata.ts';
import { openMetadata } from '../server/src/drivers/metadata/index.ts';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, MIB } from './harness/files.ts';
import { peakDuring, residentBytes } from './harness/memory-watch.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { startWebhook } from './harness/receivers/webhook.ts';
import { newId, quiet } from './harness/record-file.ts';
import { printTable } from './harness/report.ts';
import { showProgress } from './harness/rounds.ts';

const { rows, seconds } = numbers({ rows: 1_000_000, seconds: 20 });
const ROWS_PER_TRANSACTION = 5000;
const LANES = 32;
const SETTLE_MS = 3000;
const STATE = '/api/v1/event-sinks';

/** Events of as many files, appended and in order, that the only sink has not taken. */
async function fill(metadata: Metadata): Promise<void> {
  const owner = 'default';
  for (let made = 0; made < rows; made += ROWS_PER_TRANSACTION) {
    await metadata.transaction(async ({ events }) => {
      for (let row = made; row < Math.min(made + ROWS_PER_TRANSACTION, rows); row += 1) {
        const subject = newId();
        const data = { uid: subject, name: `file-${subject}.bin`, size: 4096, verified: true };
        await events.append({ type: 'file.ready', subject, owner, data }, Date.now());
      }
    });
    while ((await metadata.transaction(({ events }) => events.sequence(ROWS_PER_TRANSACTION))) > 0);
    if ((made + ROWS_PER_TRANSACTION) % 200_000 === 0) showProgress(`${made + ROWS_PER_TRANSACTION} events`);
  }
}

async function lag(osproxy: Osproxy): Promise<number> {
  const { sinks } = await osproxy.json<{ sinks: { lag: number }[] }>('GET', STATE);
  return sinks[0]?.lag ?? 0;
}

await benchmark({
  title: `event-backlog: resident memory of the service with ${rows} events that a webhook has not taken, and while it takes them`,
  diskBytes: 4 * GIB,
  run: async (workspace) => {
    const dataDir = workspace.folder('osproxy');
    const receiver = await startWebhook(1, LANES);
    const env = { OSPROXY_EVENTS_SINKS: JSON.stringify([{ name: 'sink', ...receiver.many.sink }]) };
    const first = await startOsproxy(dataDir, env);
    await first.json('POST', `${STATE}/sink/disable`);
    await sleep(SETTLE_MS);
    const empty = residentBytes(first.pid);
    await first.stop();

    const metadata = await openMetadata(`sqlite:${join(dataDir, 'osproxy.db')}`, { logger: quiet });
    await fill(metadata);
    await metadata.close();

    const osproxy = await startOsproxy(dataDir, env);
    await sleep(SETTLE_MS);
    const waiting = residentBytes(osproxy.pid);
    const before = receiver.count();
    const taking = await peakDuring(osproxy.pid, async () => {
      await osproxy.json('POST', `${STATE}/sink/enable`);
      await sleep(seconds * 1000);
    });
    const taken = receiver.count() - before;
    const left = await lag(osproxy);
    await osproxy.stop();
    await receiver.close();
    const show = (bytes: number) => (bytes / MIB).toFixed(0);
    printTable(
      ['', 'MiB'],
      [
        ['no events', show(empty)],
        [`${rows} events waiting`, show(waiting)],
        [`most while ${Math.round(taken / seconds)} are taken per second`, show(taking)],
      ],
    );
    console.log(`${left} events were left after ${seconds} s.`);
  },
});
