import { isWithin } from '../access.ts';
import { JoinedSignal, pause } from '../cancellation.ts';
import { OsproxyError } from '../errors.ts';
import type { EventRecord } from '../model/event.ts';
import { Nudge } from '../nudge.ts';
import type { Logger } from '../ports/logger.ts';
import type { Metadata } from '../ports/metadata.ts';
import { type EventFlow, isAmong } from './event-flow.ts';

const PAGE = 100;
/** How soon events that another process put in order are seen. */
const POLL_MS = 1000;
/** How soon a reader ends who may not read any more. */
const LOOK_MS = 2000;
const MAX_READERS = 512;

export interface FeedQuery {
  /** Only events of this owner; all when undefined. */
  readonly owner: string | undefined;
  /** Only events of files and uploads whose name begins so; all when undefined. */
  readonly namePrefix: string | undefined;
  /** Event types or groups such as `file.*`; all when undefined. */
  readonly types: readonly string[] | undefined;
  /** Position of the last event that is known; undefined begins with what comes from now on. */
  readonly after: string | undefined;
  /** False ends at the last event there is. */
  readonly follow: boolean;
  /** An empty page comes after this time without any event, in milliseconds. */
  readonly quietMs: number;
}

export interface FeedPage {
  readonly events: readonly EventRecord[];
  /** Everything up to here was looked at. */
  readonly position: string;
}

/** Events for those who read them as they come; any number of readers ask the database once for whether there is something new. */
export class EventFeed {
  readonly #metadata: Metadata;
  readonly #flow: Pick<EventFlow, 'onSequenced'>;
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  readonly #readers = new Set<Nudge>();
  #latest = 0n;
  #watching: Promise<void> | undefined;

  constructor(options: { metadata: Metadata; flow: Pick<EventFlow, 'onSequenced'>; logger: Logger }) {
    this.#metadata = options.metadata;
    this.#flow = options.flow;
    this.#logger = options.logger;
  }

  /**
   * Pages of events in order, the first at once, until the signal fires, the feed is closed, or `goesOn`, which is asked every two seconds,
   * says that whoever reads may not any more. The first throws Expired where events after `after` are removed already, Unavailable where too
   * many read; a reader that is overtaken by the removal later just ends.
   */
  async *read(
    query: FeedQuery,
    goesOn: () => Promise<boolean>,
    signal: AbortSignal,
  ): AsyncGenerator<FeedPage> {
    if (this.#readers.size >= MAX_READERS || this.#closing.signal.aborted) {
      throw new OsproxyError('Unavailable', 'Too many clients read events at the moment; try again.', {
        retryAfterSeconds: 5,
      });
    }
    const nudge = new Nudge();
    this.#readers.add(nudge);
    const either = new JoinedSignal(signal, this.#closing.signal);
    const looking = lookWhether(goesOn, either);
    try {
      yield* this.#pages(query, nudge, either.signal);
    } finally {
      either.abort();
      either.release();
      this.#readers.delete(nudge);
      await looking;
    }
  }

  /** Ends every reader. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#watching;
  }

  async *#pages(query: FeedQuery, nudge: Nudge, signal: AbortSignal): AsyncGenerator<FeedPage> {
    const { follow, quietMs } = query;
    let position = query.after ?? (await this.#metadata.events.last()) ?? '0';
    if (await this.#isRemoved(position)) throw tooOld(position);
    let isFirst = true;
    let quietSince = performance.now();
    while (!signal.aborted) {
      const page = await this.#metadata.events.after(position, PAGE);
      if (await this.#isRemoved(position)) return;
      position = page.at(-1)?.position ?? position;
      const events = page.flatMap((event) => (wants(query, event) ? [shown(query, event)] : []));
      if (isFirst || events.length > 0 || performance.now() - quietSince >= quietMs) {
        yield { events, position };
        quietSince = performance.now();
        isFirst = false;
      }
      if (page.length === PAGE) continue;
      if (!follow) return;
      const quietUntil = quietSince + quietMs;
      while (!signal.aborted && this.#latest <= BigInt(position) && performance.now() < quietUntil) {
        this.#watching ??= this.#watch().finally(() => {
          this.#watching = undefined;
        });
        await nudge.wait(quietUntil - performance.now(), signal);
      }
    }
  }

  /** True when something after the position is not kept any more. */
  async #isRemoved(position: string): Promise<boolean> {
    const removed = await this.#metadata.events.removedUntil();
    return removed !== undefined && BigInt(position) < BigInt(removed);
  }

  /** While anybody reads. */
  async #watch(): Promise<void> {
    const sequenced = new Nudge();
    const forget = this.#flow.onSequenced(() => sequenced.wake());
    try {
      while (this.#readers.size > 0 && !this.#closing.signal.aborted) {
        const last = BigInt((await this.#metadata.events.last()) ?? '0');
        if (last > this.#latest) {
          this.#latest = last;
          for (const reader of this.#readers) reader.wake();
        }
        await sequenced.wait(POLL_MS, this.#closing.signal);
      }
    } catch (error) {
      this.#logger.warn({ err: error }, 'new events could not be looked for');
    } finally {
      forget();
    }
  }
}

/** Fires the signal soon after the answer becomes no. */
async function lookWhether(goesOn: () => Promise<boolean>, reading: JoinedSignal): Promise<void> {
  const { signal } = reading;
  while (!signal.aborted) {
    await pause(LOOK_MS, signal);
    // It is asked again where the database is away for a moment.
    if (!signal.aborted && !(await goesOn().catch(() => true))) reading.abort();
  }
}

function wants({ owner, namePrefix, types }: FeedQuery, event: EventRecord): boolean {
  if ((owner !== undefined && owner !== event.owner) || !isAmong(event.type, types)) return false;
  if (namePrefix === undefined) return true;
  // What does not say the name, such as an event of a link, is not told to those who see some names only.
  const { name } = event.data;
  return typeof name === 'string' && isWithin(namePrefix, name);
}

/** Without a name that the reader may not see. */
function shown({ namePrefix }: FeedQuery, event: EventRecord): EventRecord {
  const { previousName, ...data } = event.data;
  if (typeof previousName !== 'string' || isWithin(namePrefix, previousName)) return event;
  return { ...event, data };
}

function tooOld(position: string): OsproxyError {
  return new OsproxyError(
    'Expired',
    `Events after ${position} have been removed already; list your files to see how things are, and read on without a position.`,
    { details: { position } },
  );
}
