import type { Config } from '#config/config.ts';
import { prepareDataDir } from '#config/data-dir.ts';
import { loadConfig } from '#config/load-config.ts';
import type { Logger } from '#core/ports/logger.ts';
import { createLog } from '#drivers/logger/pino.ts';
import type { Command } from './command.ts';
import type { Context, Listener, Service } from './context.ts';
import { explainFailure } from './failure.ts';
import { makeFirstKey, printFirstKey } from './first-key.ts';
import { type StopRequest, watchSignals } from './signals.ts';

const CLOSE_WITHIN_MS = 10_000;

export const serve: Command = {
  name: 'serve',
  usage: 'serve',
  summary: 'Runs the service until SIGTERM or SIGINT.',
  details: [
    'The first signal stops accepting and lets transfers finish for up to http.drainSeconds; a second one ends the process at once.',
    'Exit code: 0 after a signal, 1 when the service could not start or a second signal came.',
  ],
  async run(_words, _options, context) {
    const config = await loadConfig(context);
    prepareDataDir(config);
    const log = createLog(config.log, context.complain);
    const stop = watchSignals();
    try {
      await serveUntil(stop, config, log.logger, context);
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
  const secret = await makeFirstKey(service, config);
  const listener = await service.listen();
  logger.info({ url: listener.url }, 'listening');
  if (secret !== undefined) printFirstKey(secret, listener.url, context);
  return listener;
}

/** A close that hangs must not keep a drained process alive. */
async function within(ms: number, logger: Logger, close: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      logger.warn({ ms }, 'closing took too long; leaving the rest to the next start');
      resolve();
    }, ms);
  });
  try {
    await Promise.race([close(), late]);
  } finally {
    clearTimeout(timer);
  }
}
