import { OsproxyError } from './errors.ts';

/** What became of one item of a batch; a lane goes on with the next batch whatever it was. */
export type Outcome<R> = { readonly value: R } | { readonly error: unknown };

export interface BatcherOptions<T, R> {
  /**
   * Works through one batch, in order; resolves one outcome for each item, in the same order. A rejection, or another number of outcomes,
   * fails every item of the batch. Never called twice at once for one lane.
   */
  readonly work: (items: readonly T[]) => Promise<readonly Outcome<R>[]>;
  /** Items of one key keep their order; items of different keys may overtake each other. */
  readonly keyOf: (item: T) => string;
  /** Bytes that an item counts for, at least 0. */
  readonly sizeOf: (item: T) => number;
  /** Most items of one batch, at least 1. */
  readonly maxItems: number;
  /** Most bytes of one batch; a larger single item makes a batch of its own. */
  readonly maxBytes: number;
  /** Longest time in milliseconds that an item waits for others to join it, at least 0. */
  readonly maxWaitMs: number;
  /** Batches that are worked on at once, at least 1: keys are spread over this many lanes. */
  readonly lanes: number;
  /** Bytes and items that may wait or be worked on before add() makes its callers wait and offer() refuses. */
  readonly maxQueuedItems: number;
  readonly maxQueuedBytes: number;
}

interface Entry<T, R> {
  readonly item: T;
  readonly size: number;
  readonly done: ((outcome: Outcome<R>) => void) | undefined;
}

interface Waiter {
  readonly size: number;
  readonly admit: () => void;
}

/**
 * Gathers items by count, bytes or time and works through them in batches, sharded by key so that each key keeps its order. What it holds
 * is bounded: add() waits for room, offer() refuses. An item is lost only with the process; whoever cannot bear that keeps it elsewhere
 * until its outcome is known.
 */
export class Batcher<T, R> {
  readonly #options: BatcherOptions<T, R>;
  readonly #lanes: readonly Lane<T, R>[];
  /** Callers of add() that wait for room, first come first served. */
  readonly #waiters: Waiter[] = [];
  #queuedItems = 0;
  #queuedBytes = 0;
  #closing: Promise<void> | undefined;

  constructor(options: BatcherOptions<T, R>) {
    this.#options = options;
    const release = (entries: readonly Entry<T, R>[]) => this.#release(entries);
    this.#lanes = Array.from({ length: options.lanes }, () => new Lane(options, release));
  }

  /** Items that wait or are worked on. */
  get queued(): number {
    return this.#queuedItems;
  }

  /** Resolves or rejects with the item's own outcome; waits while the queue is full. Rejects with Unavailable after close(). */
  async add(item: T): Promise<R> {
    this.#refuseWhenClosed();
    const size = this.#options.sizeOf(item);
    if (this.#waiters.length > 0 || !this.#hasRoom(size)) {
      await new Promise<void>((admit) => this.#waiters.push({ size, admit }));
    } else this.#reserve(size);
    const outcome = await new Promise<Outcome<R>>((done) => this.#enter({ item, size, done }));
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** Takes the item without making anybody wait; false when the queue is full or closed. Its outcome is told to `work` alone. */
  offer(item: T): boolean {
    const size = this.#options.sizeOf(item);
    if (this.#closing !== undefined || this.#waiters.length > 0 || !this.#hasRoom(size)) return false;
    this.#reserve(size);
    this.#enter({ item, size, done: undefined });
    return true;
  }

  /** Works through everything that was taken, callers that wait included, without waiting for more to come; new items are refused. */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  async #drain(): Promise<void> {
    while (this.#queuedItems > 0 || this.#waiters.length > 0) {
      await Promise.all(this.#lanes.map((lane) => lane.flush()));
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closing === undefined) return;
    throw new OsproxyError('Unavailable', 'The service is stopping; send the request again.');
  }

  /** An item larger than everything allowed enters when nothing else is there. */
  #hasRoom(size: number): boolean {
    const { maxQueuedItems, maxQueuedBytes } = this.#options;
    if (this.#queuedItems === 0) return true;
    return this.#queuedItems < maxQueuedItems && this.#queuedBytes + size <= maxQueuedBytes;
  }

  #reserve(size: number): void {
    this.#queuedItems += 1;
    this.#queuedBytes += size;
  }

  #enter(entry: Entry<T, R>): void {
    const lane = this.#lanes[laneOf(this.#options.keyOf(entry.item), this.#lanes.length)];
    lane?.push(entry);
    if (this.#closing !== undefined) void lane?.flush();
  }

  #release(entries: readonly Entry<T, R>[]): void {
    this.#queuedItems -= entries.length;
    for (const { size } of entries) this.#queuedBytes -= size;
    for (
      let next = this.#waiters[0];
      next !== undefined && this.#hasRoom(next.size);
      next = this.#waiters[0]
    ) {
      this.#waiters.shift();
      this.#reserve(next.size);
      next.admit();
    }
  }
}

/** One queue whose batches are worked on one after the other. */
class Lane<T, R> {
  readonly #options: BatcherOptions<T, R>;
  readonly #release: (entries: readonly Entry<T, R>[]) => void;
  #entries: Entry<T, R>[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #hurried = false;

  constructor(options: BatcherOptions<T, R>, release: (entries: readonly Entry<T, R>[]) => void) {
    this.#options = options;
    this.#release = release;
  }

  push(entry: Entry<T, R>): void {
    this.#entries.push(entry);
    this.#bytes += entry.size;
    this.#plan();
  }

  /** Resolves when everything that was pushed before is worked through. */
  async flush(): Promise<void> {
    this.#hurried = true;
    this.#plan();
    while (this.#running !== undefined) await this.#running;
    this.#hurried = false;
  }

  #plan(): void {
    if (this.#running !== undefined || this.#entries.length === 0) return;
    const { maxItems, maxBytes, maxWaitMs } = this.#options;
    const full = this.#entries.length >= maxItems || this.#bytes >= maxBytes;
    if (full || this.#hurried) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), maxWaitMs);
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running = this.#work(this.#take()).finally(() => {
      this.#running = undefined;
      this.#plan();
    });
  }

  #take(): readonly Entry<T, R>[] {
    const { maxItems, maxBytes } = this.#options;
    let count = 0;
    let bytes = 0;
    for (const { size } of this.#entries) {
      if (count === maxItems || (count > 0 && bytes + size > maxBytes)) break;
      count += 1;
      bytes += size;
    }
    this.#bytes -= bytes;
    return this.#entries.splice(0, count);
  }

  async #work(entries: readonly Entry<T, R>[]): Promise<void> {
    let outcomes: readonly Outcome<R>[];
    try {
      outcomes = await this.#options.work(entries.map(({ item }) => item));
      if (outcomes.length !== entries.length) throw new WrongNumber(entries.length, outcomes.length);
    } catch (error) {
      outcomes = entries.map(() => ({ error }));
    }
    this.#release(entries);
    for (const [i, outcome] of outcomes.entries()) entries[i]?.done?.(outcome);
  }
}

class WrongNumber extends OsproxyError {
  constructor(items: number, outcomes: number) {
    super('Internal', `A batch of ${items} items ended with ${outcomes} outcomes.`);
  }
}

/** FNV-1a over UTF-16 units: spreads keys evenly and gives one key the same lane for ever. */
function laneOf(key: string, lanes: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % lanes;
}
