import type { Config } from '#config/config.ts';
import { RabbitSession } from '#drivers/rabbitmq/session.ts';
import { readRabbitSettings } from '#drivers/rabbitmq/settings.ts';

const TIMEOUT_MS = 10_000;

/** For `osproxy doctor`: whether the broker of the installation lets the service in; nothing where there is none. */
export function rabbitCheck({ rabbitmq }: Config) {
  if (rabbitmq.url === undefined) return [];
  const run = async () => {
    const startedAt = performance.now();
    const options = { ...readRabbitSettings(rabbitmq), name: 'osproxy doctor', timeoutMs: TIMEOUT_MS };
    const session = await RabbitSession.connect(options, AbortSignal.timeout(2 * TIMEOUT_MS));
    const detail = `lets the service in after ${Math.round(performance.now() - startedAt)} ms`;
    await session.close();
    return detail;
  };
  const fix =
    'Check rabbitmq.url and that RabbitMQ runs; meanwhile events wait, and tasks are found in the database.';
  return [{ check: 'rabbitmq', fix, run }];
}
