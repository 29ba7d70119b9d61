import type { Config } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';
import { UsageFlow, type UsageFlowOptions } from '#core/usage/usage-flow.ts';
import { kafkaProblems } from '#drivers/kafka/kafka-settings.ts';
import { KafkaUsageLog } from '#drivers/kafka/kafka-usage-log.ts';

/** What counts uploads and downloads; undefined where that is switched off. Throws a ConfigError with what is wrong with the Kafka cluster. */
export function configuredUsage(
  { usage, kafka }: Config,
  base: Pick<UsageFlowOptions, 'metadata' | 'clock' | 'logger' | 'telemetry'>,
): UsageFlow | undefined {
  if (!usage.enabled) return undefined;
  const { flushMilliseconds: flushMs, retentionDays } = usage;
  const { topic, group } = usage.kafka;
  if (topic === undefined) return new UsageFlow({ ...base, flushMs, retentionDays, log: undefined });
  const problems = kafkaProblems(kafka).map((problem) => `kafka.${problem}.`);
  if (problems.length > 0) throw new ConfigError(problems);
  const log = new KafkaUsageLog({ settings: kafka, topic, group, logger: base.logger });
  return new UsageFlow({ ...base, flushMs, retentionDays, log });
}
