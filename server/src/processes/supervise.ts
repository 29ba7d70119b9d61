import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '#config/config.ts';
import type { ServiceLog } from '#drivers/logger/pino.ts';
import type { Context } from '../commands/context.ts';
import { printFirstSteps } from '../commands/first-steps.ts';
import type { StopRequest } from '../commands/signals.ts';
import { Supervisor } from './supervisor.ts';

const SCRIPT = new URL('../serve-worker.ts', import.meta.url);

/** Serves with several processes until a signal comes; rejects when they cannot be started or kept alive. */
export async function supervise(
  stop: StopRequest,
  config: Config,
  { logger, relay }: ServiceLog,
  context: Context,
): Promise<void> {
  const { env, cwd } = context;
  const supervisor = new Supervisor({ config, logger, script: SCRIPT, env, cwd, log: relay });
  try {
    const { url, steps } = await supervisor.start();
    logger.info({ url, workers: config.workers }, 'listening');
    printFirstSteps(steps, url, config, context);
    const signal = await Promise.race([stop.requested, supervisor.broken]);
    const { drainSeconds, shutdownDelaySeconds } = config.http;
    logger.info({ signal, drainSeconds }, 'stopping: letting transfers finish');
    supervisor.announceStop();
    await sleep(shutdownDelaySeconds * 1000);
  } finally {
    await supervisor.stop();
  }
  logger.info({}, 'stopped');
}
