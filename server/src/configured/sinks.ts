import type { Config, SinkConfig } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';
import { isOsproxyError } from '#core/errors.ts';
import type { ConfiguredSink } from '#core/events/event-flow.ts';
import type { SinkPolicy } from '#core/events/sink-policy.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { Logger } from '#core/ports/logger.ts';
import { prepareSink, type SinkSettings } from '#drivers/event-sinks/index.ts';
import { readRabbitSettings } from '#drivers/rabbitmq/settings.ts';

const HOUR_MS = 3_600_000;
const DEFAULT_ATTEMPTS = 15;
const DEFAULT_DISABLE_HOURS = 72;

/** The sinks of the configuration. Throws a ConfigError with every wrong setting of every sink at once. */
export function configuredSinks(config: Config, clock: Clock, logger: Logger): readonly ConfiguredSink[] {
  const problems = brokerProblems(config);
  const context = { source: config.publicUrl, clock, logger };
  const sinks = config.events.sinks.flatMap((sink): ConfiguredSink[] => {
    const { name, types, owners, maxAttempts, disableAfterHours, ...own } = sink;
    const settings = withShared(config, own);
    if (problems.length > 0 && settings.type === 'rabbitmq' && settings.url === config.rabbitmq.url)
      return [];
    try {
      const prepared = prepareSink(name, settings);
      return [{ name, types, owners, policy: policyOf(sink), start: () => prepared.start(context) }];
    } catch (error) {
      if (!isOsproxyError(error, 'InvalidArgument')) throw error;
      problems.push(...((error.details.problems as readonly string[] | undefined) ?? [error.message]));
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return sinks;
}

/** What is wrong with the broker of the installation, also when no sink uses it. */
function brokerProblems({ rabbitmq }: Config): string[] {
  if (Object.keys(rabbitmq).length === 0) return [];
  try {
    readRabbitSettings(rabbitmq);
    return [];
  } catch (error) {
    if (!isOsproxyError(error, 'InvalidArgument')) throw error;
    return [`rabbitmq.${error.message}.`];
  }
}

/** A sink that names no server of its own uses that of the installation. */
function withShared({ rabbitmq, kafka }: Config, settings: SinkSettings): SinkSettings {
  if (settings.type === 'rabbitmq' && settings.url === undefined) return { ...rabbitmq, ...settings };
  const onCluster = settings.type === 'kafka' && settings.brokers === undefined && kafka.brokers.length > 0;
  return onCluster ? { ...kafka, ...settings } : settings;
}

function policyOf({ maxAttempts, disableAfterHours }: SinkConfig): SinkPolicy {
  return {
    maxAttempts: maxAttempts ?? DEFAULT_ATTEMPTS,
    firstBackoffMs: 1000,
    maxBackoffMs: 600_000,
    disableAfterMs: (disableAfterHours ?? DEFAULT_DISABLE_HOURS) * HOUR_MS,
    probeMs: HOUR_MS,
  };
}
