import type { Config } from '#config/config.ts';
import { prepareDataDir } from '#config/data-dir.ts';
import { loadConfig } from '#config/load-config.ts';
import type { Logger } from '#core/ports/logger.ts';
import { createLog } from '#drivers/logger/pino.ts';
import type { Command } from './command.ts';
import type { Context, TaskWorker } from './context.ts';
import { explainFailure } from './failure.ts';
import { type StopRequest, watchSignals } from './signals.ts';
import { within } from './within.ts';

const CLOSE_WITHIN_MS = 10_000;

export const worker: Command = {
  name: 'worker',
  usage: 'worker',
  summary: 'Runs background tasks until SIGTERM or SIGINT, and serves nothing.',
  details: [
    'It needs the configuration of the servers: the same database, the same stores. tasks.concurrency says how many tasks it runs at once,',
    'tasks.worker.types which ones, tasks.worker.port where /healthz, /readyz and /metrics are. Servers leave it what tasks.leftToWorkers names.',
    'On a signal the tasks that run are cut off and run again elsewhere; a second signal ends the process at once.',
    'Exit code: 0 after a signal, 1 when it could not start or a second signal came.',
  ],
  async run(_words, _options, context) {
    const config = await loadConfig(context);
    prepareDataDir(config);
    const log = createLog(config.log, context.complain);
    const stop = watchSignals();
    try {
      await workUntil(stop, config, log.logger, context);
      return 0;
    } catch (error) {
      for (const sentence of explainFailure(error, config)) context.complain(sentence);
      return 1;
    } finally {
      stop.release();
      await log.close();
    }
  },
};

async function workUntil(stop: StopRequest, config: Config, logger: Logger, context: Context): Promise<void> {
  const service = await context.openService(config, logger);
  let running: TaskWorker | undefined;
  try {
    await service.migrate();
    running = await service.work();
    if (running.url !== undefined) logger.info({ url: running.url }, 'listening');
    const signal = await stop.requested;
    logger.info({ signal }, 'stopping: tasks that run are left to others');
  } finally {
    await within(CLOSE_WITHIN_MS, logger, async () => {
      await running?.close();
      await service.close();
    });
  }
  logger.info({}, 'stopped');
}
