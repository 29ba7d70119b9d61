// Makes ids as fast as it can and writes them as 64-bit numbers: node id-maker.ts <database> <file> <ids> <rounds>
// Between two rounds it gives its worker number back and takes one again.
import { writeFile } from 'node:fs/promises';
import { systemClock } from '#core/ports/clock.ts';
import { Snowflakes } from '#core/snowflake.ts';
import { WorkerNumber } from '#core/worker-number.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { createLog } from '#drivers/logger/pino.ts';
import { openMetadata } from '#drivers/metadata/index.ts';

const [database = '', file = '', ids = '0', rounds = '1'] = process.argv.slice(2);
const { logger } = createLog({ level: 'silent' });
const metadata = await openMetadata(`sqlite:${database}`, { logger });
const coordinator = new DatabaseCoordinator({ metadata, clock: systemClock, logger });
const snowflakes = new Snowflakes(systemClock);
const workerNumber = new WorkerNumber({
  coordinator,
  snowflakes,
  holder: `maker/${process.pid}`,
  clock: systemClock,
  logger,
});
const made = new BigUint64Array(Number(ids));
const perRound = Math.ceil(made.length / Number(rounds));
for (let index = 0; index < made.length; ) {
  await workerNumber.start();
  for (const end = Math.min(index + perRound, made.length); index < end; index += 1) {
    made[index] = BigInt(snowflakes.next());
    // The renewals that let ids go on need the event loop.
    if (index % 100_000 === 99_999) await new Promise((resolve) => setImmediate(resolve));
  }
  await workerNumber.stop();
}
await writeFile(file, made);
await coordinator.close();
await metadata.close();
