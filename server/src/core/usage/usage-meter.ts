import { randomUUID } from 'node:crypto';
import type { UsageRecord } from '../model/usage.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Metadata } from '../ports/metadata.ts';
import { dayOf, UsageTotals } from './usage-totals.ts';

const CELLS_AT_ONCE = 500;
const RETENTION_EVERY_MS = 3_600_000;
/** A batch is not tried again for longer than this. */
const SOURCES_KEPT_MS = 7 * 86_400_000;
const LAST_TRIES = 3;

export interface UsageMeterOptions {
  readonly metadata: Pick<Metadata, 'transaction'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Between two writes of what has been added up; at most this much, and the write that is under way, is lost by SIGKILL. */
  readonly flushMs: number;
  /** Days that totals are kept. */
  readonly retentionDays: number;
}

interface Batch {
  readonly number: number;
  readonly cells: ReturnType<UsageTotals['take']>;
}

/**
 * Adds up what this process transfers and writes the sums to the database. Adding never waits and never fails; while the database is away sums grow
 * in number only by what differs in day, owner, key or store. Each batch is counted once, also when it is unknown whether it was written.
 */
export class UsageMeter {
  readonly #options: UsageMeterOptions;
  readonly #source = randomUUID();
  readonly #totals = new UsageTotals();
  #number = 0;
  /** Written, or not, nobody knows; it is tried again before anything else. */
  #open: Batch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #cleanedAt = Number.NEGATIVE_INFINITY;
  #failing = false;

  constructor(options: UsageMeterOptions) {
    this.#options = options;
  }

  /** Sums that are not in the database yet. */
  get pending(): number {
    return this.#totals.size + (this.#open?.cells.length ?? 0);
  }

  add(record: UsageRecord): void {
    this.#totals.add(record);
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.flush().catch(() => {}), this.#options.flushMs).unref();
  }

  /** Writes what there is, some tries long. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing?.catch(() => {});
    for (let tries = 1; this.pending > 0; tries += 1) {
      try {
        await this.flush();
      } catch (error) {
        if (tries < LAST_TRIES) continue;
        this.#options.logger.error(
          { err: error, sums: this.pending },
          'usage was lost: it could not be written',
        );
        return;
      }
    }
  }

  /** Resolves when everything that was added before is in the database; callers at the same time share one write. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    const { logger } = this.#options;
    try {
      for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
        await this.#write(batch);
        this.#open = undefined;
      }
      await this.#clean();
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        logger.warn({ err: error }, 'usage could not be written for now; it is kept in memory');
      this.#failing = true;
      throw error;
    }
  }

  #next(): Batch | undefined {
    if (this.#open !== undefined || this.#totals.size === 0) return this.#open;
    this.#number += 1;
    this.#open = { number: this.#number, cells: this.#totals.take(CELLS_AT_ONCE) };
    return this.#open;
  }

  #write({ number, cells }: Batch): Promise<void> {
    const { metadata, clock } = this.#options;
    return metadata.transaction(async ({ usage }) => {
      if (!(await usage.claim(this.#source, number, clock.now()))) return;
      for (const { counts, ...cell } of cells) await usage.add(cell, counts);
    });
  }

  /** Every process does this; whoever comes second finds nothing. */
  async #clean(): Promise<void> {
    const { metadata, clock, retentionDays } = this.#options;
    const now = clock.now();
    if (now - this.#cleanedAt < RETENTION_EVERY_MS) return;
    await metadata.transaction(async ({ usage }) => {
      await usage.removeBefore(dayOf(now) - retentionDays);
      await usage.forgetSources(now - SOURCES_KEPT_MS);
    });
    this.#cleanedAt = now;
  }
}
