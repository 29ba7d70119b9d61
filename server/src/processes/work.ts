import type { Config } from '#config/config.ts';
import type { Logger } from '#core/ports/logger.ts';
import { createLog } from '#drivers/logger/pino.ts';
import type { Listener, OpenService } from '../commands/context.ts';
import { explainFailure } from '../commands/failure.ts';
import { takeFirstSteps } from '../commands/first-steps.ts';
import { within } from '../commands/within.ts';
import type { PrimaryLink } from './primary-link.ts';

const CLOSE_WITHIN_MS = 10_000;
const STOPPED = Symbol('stopped');

/** The life of one of several processes of a node; resolves with its exit code. */
export async function work(link: PrimaryLink, openService: OpenService): Promise<number> {
  const beginning = await Promise.race([link.begun.promise, link.stop.then(() => undefined)]);
  if (beginning === undefined) return 0;
  const { config, number, prepares } = beginning;
  // The primary writes for all: a log file has one writer.
  const log = createLog({ level: config.log.level, process: number });
  try {
    await serve(link, openService, config, prepares, log.logger);
    return 0;
  } catch (error) {
    await link.failed(explainFailure(error, config));
    return 1;
  } finally {
    await log.close();
    await link.close();
  }
}

async function serve(
  link: PrimaryLink,
  openService: OpenService,
  config: Config,
  prepares: boolean,
  logger: Logger,
): Promise<void> {
  const service = await openService(config, logger, link);
  let listener: Listener | undefined;
  try {
    if (prepares) {
      await service.migrate();
      link.prepared(await takeFirstSteps(service, config));
    }
    const told = await Promise.race([link.listen, link.stop.then(() => STOPPED)]);
    if (told === STOPPED) return;
    listener = await service.listen();
    const { announceStop } = listener;
    void link.unready.then(announceStop);
    link.listening();
    const reason = await link.stop;
    logger.info({ reason }, 'this process stops: letting transfers finish');
    await listener.drain(config.http.drainSeconds * 1000);
  } finally {
    await within(CLOSE_WITHIN_MS, logger, async () => {
      await listener?.close();
      await service.close();
    });
  }
}
