import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Batcher, type Outcome } from '../batcher.ts';
import type { UsageRecord } from '../model/usage.ts';
import type { Logger } from '../ports/logger.ts';
import type { LoggedUsage, UsageLog } from '../ports/usage-log.ts';

const BATCH = 500;
const WAIT_MS = 50;
const LANES = 4;
const MOST_WAITING = 20_000;
const RECORD_BYTES = 300;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
const STOP_MS = 5_000;

export interface UsageShipperOptions {
  readonly log: UsageLog;
  /** Takes what the log has no room for. */
  readonly direct: (record: UsageRecord) => void;
  readonly logger: Logger;
}

/**
 * Brings records to the log in batches, each key in its order and several at once. Adding never waits: what waits is bounded, and what finds no room is
 * counted directly instead, so that totals stay complete while the log lacks it.
 */
export class UsageShipper {
  readonly #options: UsageShipperOptions;
  readonly #process = randomUUID();
  readonly #numbers = new Map<string, number>();
  readonly #batcher: Batcher<UsageRecord, void>;
  /** Fires some time after stop(). */
  readonly #late = new AbortController();
  #stopping = false;
  #bypassed = 0;
  #lost = 0;

  constructor(options: UsageShipperOptions) {
    this.#options = options;
    this.#batcher = new Batcher({
      work: (records) => this.#ship(records),
      keyOf: ({ key }) => key,
      sizeOf: () => RECORD_BYTES,
      ...{ maxItems: BATCH, maxBytes: BATCH * RECORD_BYTES, maxWaitMs: WAIT_MS, lanes: LANES },
      ...{ maxQueuedItems: MOST_WAITING, maxQueuedBytes: MOST_WAITING * RECORD_BYTES },
    });
  }

  /** Records that wait or are on their way. */
  get waiting(): number {
    return this.#batcher.queued;
  }

  /** Records that were counted directly, since the process began. */
  get bypassed(): number {
    return this.#bypassed;
  }

  add(record: UsageRecord): void {
    if (!this.#batcher.offer(record)) this.#bypass(record);
  }

  /** Sends what waits, for some seconds; what was never sent then is counted directly. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const timer = setTimeout(() => this.#late.abort(), STOP_MS);
    await this.#batcher.close();
    clearTimeout(timer);
    if (this.#lost === 0) return;
    this.#options.logger.error(
      { records: this.#lost },
      'it is unknown whether the last records of usage came into the log; they are not counted otherwise',
    );
  }

  async #ship(records: readonly UsageRecord[]): Promise<readonly Outcome<void>[]> {
    const { signal } = this.#late;
    if (signal.aborted) {
      for (const record of records) this.#bypass(record);
    } else if (
      !(await this.#sent(
        records.map((record) => this.#numbered(record)),
        signal,
      ))
    ) {
      this.#lost += records.length;
    }
    return records.map(() => ({ value: undefined }));
  }

  /** Tries until it is done or too late. */
  async #sent(entries: readonly LoggedUsage[], signal: AbortSignal): Promise<boolean> {
    const { log, logger } = this.#options;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await log.append(entries, signal);
        return true;
      } catch (error) {
        if (pause === FIRST_PAUSE_MS)
          logger.warn({ err: error, records: entries.length }, 'usage could not be sent for now; it waits');
      }
      await sleep(this.#stopping ? FIRST_PAUSE_MS : pause, undefined, { signal }).catch(() => {});
      if (signal.aborted) return false;
    }
  }

  #numbered(record: UsageRecord): LoggedUsage {
    const number = (this.#numbers.get(record.key) ?? 0) + 1;
    this.#numbers.set(record.key, number);
    return { source: `${this.#process}/${record.key}`, number, record };
  }

  #bypass(record: UsageRecord): void {
    this.#bypassed += 1;
    this.#options.direct(record);
  }
}
