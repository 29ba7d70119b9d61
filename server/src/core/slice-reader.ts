import { throwIfCancelled } from './cancellation.ts';
import { isOsproxyError, OsproxyError } from './errors.ts';
import type { Placement } from './model/blob.ts';
import type { ContentPart } from './model/file.ts';
import { nodeAwayIn } from './ports/peers.ts';
import type { StoredObject } from './ports/storage-driver.ts';
import type { StoreHealth } from './store-health.ts';
import type { Stores } from './stores.ts';

/** The piece of one part that a range touches. */
export interface Slice {
  readonly part: ContentPart;
  readonly offset: number;
  readonly length: number;
}

export interface SliceStores {
  readonly stores: Stores;
  readonly health: StoreHealth;
  /** Where a blob is according to the database now; placements that a reader holds may be out of date. */
  readonly placementsOf: (blobId: string) => Promise<readonly Placement[]>;
}

/** Opens one slice, wherever it can be read: each placement is tried once, those that failed are not tried again. */
export class SliceReader {
  readonly slice: Slice;
  readonly #where: SliceStores;
  readonly #signal: AbortSignal | undefined;
  readonly #tried = new Set<string>();
  #waiting: Placement[];
  #current: Placement | undefined;
  #askedAgain = false;
  #failure: unknown;

  constructor(slice: Slice, where: SliceStores, signal: AbortSignal | undefined) {
    this.slice = slice;
    this.#where = where;
    this.#signal = signal;
    this.#waiting = this.#order(slice.part.placements);
  }

  /** Opens what is left after the first `done` bytes; throws Unavailable, or what the last store said, when no placement is left. */
  async open(done: number): Promise<StoredObject> {
    for (;;) {
      const placement = await this.#next();
      if (placement === undefined) throw this.#exhausted(done);
      const opened = await this.#openAt(placement, done);
      if (opened !== undefined) return opened;
    }
  }

  /** Gives up the placement that was opened last because of what it did; rethrows when the reader itself was stopped. */
  giveUp(error: unknown): void {
    throwIfCancelled(this.#signal);
    this.#failure = error;
    if (this.#current !== undefined) this.#where.health.noteFailure(this.#current, error);
    this.#current = undefined;
  }

  async #openAt(placement: Placement, done: number): Promise<StoredObject | undefined> {
    const { part, offset, length } = this.slice;
    const { stores, health } = this.#where;
    try {
      const whole = done === 0 && offset === 0 && length === part.size;
      const range = whole ? undefined : { offset: offset + done, length: length - done };
      const signal = this.#signal;
      const opened = await stores.at(placement).open(placement.key, range, { signal });
      if (opened.size === part.size) {
        this.#current = placement;
        health.noteSuccess(placement);
        return opened;
      }
      await opened.close();
      this.#failure = new OsproxyError('Internal', 'Stored bytes do not have the recorded size.');
    } catch (error) {
      throwIfCancelled(this.#signal);
      health.noteFailure(placement, error);
      this.#failure = error;
    }
    return undefined;
  }

  /** Those that this node reads itself come first. */
  #order(placements: readonly Placement[]): Placement[] {
    const { health, stores } = this.#where;
    if (placements.length < 2) return [...placements];
    const far = placements.filter((placement) => !stores.isNear(placement));
    return [
      ...health.order(placements.filter((placement) => !far.includes(placement))),
      ...health.order(far),
    ];
  }

  /** The next placement that was not tried; when all were, the database is asked once for others. */
  async #next(): Promise<Placement | undefined> {
    for (;;) {
      const placement = this.#waiting.shift();
      if (placement !== undefined) {
        const name = `${placement.store}\n${placement.key}`;
        if (this.#tried.has(name) || !this.#isConfigured(placement)) continue;
        this.#tried.add(name);
        return placement;
      }
      if (this.#askedAgain) return undefined;
      this.#askedAgain = true;
      const known = await this.#where.placementsOf(this.slice.part.blobId).catch(() => []);
      throwIfCancelled(this.#signal);
      this.#waiting = this.#order(known);
    }
  }

  /** A placement on another node is tried even where nothing leads there, for the reason it gives. */
  #isConfigured(placement: Placement): boolean {
    const { stores } = this.#where;
    return stores.isNear(placement) || stores.isElsewhere(placement);
  }

  /** In the middle of a slice the store's own words say more; before its first byte they may name what is nobody's business. */
  #exhausted(done: number): unknown {
    if (done > 0 && isOsproxyError(this.#failure)) return this.#failure;
    const away = nodeAwayIn(this.#failure);
    if (away !== undefined) return away;
    return new OsproxyError('Unavailable', 'The content of this file cannot be read at the moment.', {
      cause: this.#failure,
      retryAfterSeconds: 5,
    });
  }
}
