import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '#config/config.ts';
import { prepareDataDir } from '#config/data-dir.ts';
import { loadConfig } from '#config/load-config.ts';
import type { Logger } from '#core/ports/logger.ts';
import { createLog } from '#drivers/logger/pino.ts';
import { ServiceBroken } from '../processes/service-broken.ts';
import type { Command } from './command.ts';
import type { Context, Listener, Service } from './context.ts';
import { explainFailure } from './failure.ts';
import { printFirstSteps, takeFirstSteps } from './first-steps.ts';
import { type StopRequest, watchSignals } from './signals.ts';
import { within } from './within.ts';

const CLOSE_WITHIN_MS = 10_000;

export const serve: Command = {
  name: 'serve',
  usage: 'serve',
  summary: 'Runs the service until SIGTERM or SIGINT.',
  details: [
    'The first signal stops accepting and lets transfers finish for up to http.drainSeconds; a second one ends the process at once.',
    'With workers above 1 this process starts as many others, gives them its connections and starts another where one dies.',
    'Exit code: 0 after a signal, 1 when the service could not start or a second signal came.',
  ],
  async run(_words, _options, context) {
    const config = await loadConfig(context);
    prepareDataDir(config);
    const several = config.workers > 1;
    const log = createLog(several ? { ...config.log, process: 0 } : config.log, context.complain);
    const stop = watchSignals();
    try {
      if (several) {
        const { supervise } = await import('../processes/supervise.ts');
        await supervise(stop, config, log, context);
      } else {
        await serveUntil(stop, config, log.logger, context);
      }
      return 0;
    } catch (error) {
      const sentences = error instanceof ServiceBroken ? error.sentences : explainFailure(error, config);
      for (const sentence of sentences) context.complain(sentence);
      return 1;
    } finally {
      stop.release();
      await log.close();
    }
  },
};

async function serveUntil(
  stop: StopRequest,
  config: Config,
  logger: Logger,
  context: Context,
): Promise<void> {
  const service = await context.openService(config, logger);
  let listener: Listener | undefined;
  try {
    listener = await start(service, config, logger, context);
    const signal = await stop.requested;
    logger.info({ signal, drainSeconds: config.http.drainSeconds }, 'stopping: letting transfers finish');
    listener.announceStop();
    await sleep(config.http.shutdownDelaySeconds * 1000);
    await listener.drain(config.http.drainSeconds * 1000);
  } finally {
    await within(CLOSE_WITHIN_MS, logger, async () => {
      await listener?.close();
      await service.close();
    });
  }
  logger.info({}, 'stopped');
}

async function start(service: Service, config: Config, logger: Logger, context: Context): Promise<Listener> {
  await service.migrate();
  const steps = await takeFirstSteps(service, config);
  const listener = await service.listen();
  logger.info({ url: listener.url }, 'listening');
  printFirstSteps(steps, listener.url, config, context);
  return listener;
}
