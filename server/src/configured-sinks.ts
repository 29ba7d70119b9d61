import type { Config, SinkConfig } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';
import { isOsproxyError } from '#core/errors.ts';
import type { ConfiguredSink } from '#core/events/event-flow.ts';
import type { SinkPolicy } from '#core/events/sink-policy.ts';
import type { Clock } from '#core/ports/clock.ts';
import { prepareSink } from '#drivers/event-sinks/index.ts';

const HOUR_MS = 3_600_000;
const DEFAULT_ATTEMPTS = 15;
const DEFAULT_DISABLE_HOURS = 72;

/** The sinks of the configuration. Throws a ConfigError with every wrong setting of every sink at once. */
export function configuredSinks(config: Config, clock: Clock): readonly ConfiguredSink[] {
  const problems: string[] = [];
  const context = { source: config.publicUrl, clock };
  const sinks = config.events.sinks.flatMap((sink): ConfiguredSink[] => {
    const { name, types, owners, maxAttempts, disableAfterHours, ...settings } = sink;
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

function policyOf({ maxAttempts, disableAfterHours }: SinkConfig): SinkPolicy {
  return {
    maxAttempts: maxAttempts ?? DEFAULT_ATTEMPTS,
    firstBackoffMs: 1000,
    maxBackoffMs: 600_000,
    disableAfterMs: (disableAfterHours ?? DEFAULT_DISABLE_HOURS) * HOUR_MS,
    probeMs: HOUR_MS,
  };
}
