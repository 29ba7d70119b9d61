import type { UsageRecord } from '#core/model/usage.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { LoggedUsage, UsageLog } from '#core/ports/usage-log.ts';
import { KafkaConsumer } from './kafka-consumer.ts';
import { KafkaProducer } from './kafka-producer.ts';
import type { KafkaSettings } from './kafka-settings.ts';

const LANES = 4;

export interface KafkaUsageOptions {
  readonly settings: KafkaSettings;
  readonly topic: string;
  readonly group: string;
  readonly logger: Logger;
}

/** Records of usage in a topic: keyed by service key, so that those of one key are in one partition. */
export class KafkaUsageLog implements UsageLog {
  readonly #options: KafkaUsageOptions;
  readonly #producer: KafkaProducer;
  #consumer: KafkaConsumer | undefined;

  constructor(options: KafkaUsageOptions) {
    this.#options = options;
    this.#producer = new KafkaProducer(options.settings, 'gzip', options.logger);
  }

  append(entries: readonly LoggedUsage[], signal: AbortSignal): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const messages = entries.map(({ source, number, record }) => {
      const value = JSON.stringify({ id: `${source}/${number}`, source, number, ...record });
      return { key: record.key, value, headers };
    });
    return this.#producer.send(this.#options.topic, messages, signal);
  }

  start(work: (entries: readonly LoggedUsage[]) => Promise<void>): void {
    const { settings, topic, group, logger } = this.#options;
    this.#consumer ??= new KafkaConsumer({
      ...{ settings, topic, group, logger, lanes: LANES },
      work: async (values) => {
        const entries = values.flatMap((value) => parse(value) ?? []);
        if (entries.length < values.length)
          logger.warn(
            { topic, records: values.length - entries.length },
            'records that are not of usage were skipped',
          );
        if (entries.length > 0) await work(entries);
      },
    });
  }

  async stop(): Promise<void> {
    await this.#consumer?.stop();
    await this.#producer.close();
  }
}

/** undefined for what this service did not write. */
function parse(value: string): LoggedUsage | undefined {
  let read: unknown;
  try {
    read = JSON.parse(value);
  } catch {
    return undefined;
  }
  if (typeof read !== 'object' || read === null) return undefined;
  const { source, number, kind, key, owner, store, uid, link, bytes, outcome, at, durationMs } =
    read as Record<string, unknown>;
  const numbers = [number, bytes, at, durationMs];
  const isWhole = (one: unknown) => Number.isSafeInteger(one) && Number(one) >= 0;
  if (!numbers.every(isWhole)) return undefined;
  if (![source, owner].every(isText(255)) || ![key, store].every(isText(64))) return undefined;
  if (kind !== 'upload' && kind !== 'download') return undefined;
  if (outcome !== 'ok' && outcome !== 'aborted' && outcome !== 'failed') return undefined;
  const optional = (one: unknown) => (typeof one === 'string' ? one : undefined);
  const record = { kind, key, owner, store, bytes, outcome, at, durationMs } as unknown as UsageRecord;
  return {
    source: source as string,
    number: number as number,
    record: { ...record, uid: optional(uid), link: optional(link) },
  };
}

/** What every database takes. */
function isText(most: number): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && value.length <= most && !value.includes('\0');
}
