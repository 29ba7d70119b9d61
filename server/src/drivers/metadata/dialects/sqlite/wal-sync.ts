import { fdatasync } from 'node:fs';
import { promisify } from 'node:util';
import { OsproxyError } from '#core/errors.ts';

export type SyncFile = (descriptor: number) => Promise<void>;

/**
 * fdatasync also writes the length a file has grown to, which is all that recovery reads, and is what SQLite itself calls on Linux; it
 * spares the journal write for the modification time.
 */
export const syncFile: SyncFile = promisify(fdatasync);

interface Waiter {
  readonly commit: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes commits durable without blocking the event loop. Connections commit with synchronous=NORMAL, which writes to the -wal file but does
 * not sync it; here one sync at a time runs beside, and a commit counts as durable when a sync that started after it has ended. Commits
 * that arrive meanwhile share the next sync.
 *
 * Why a sync of the -wal file is enough: a commit's frames lie in that file until a checkpoint has copied and synced them into the database
 * file, and only after that may a writer start the log over; starting over syncs the new header before any frame. So at every moment each
 * commit is either in the log, which this sync covers with all frames before it, or in the synced database file. The log's descriptor is
 * opened once and kept: the file is not replaced while a connection is open, errors of earlier background writes are reported to
 * descriptors that were open then, and SQLite's locks live on the database and -shm files, so that closing this one drops none.
 */
export class WalSync {
  readonly #descriptor: number;
  readonly #sync: SyncFile;
  readonly #onFailure: (error: OsproxyError) => void;
  #committed = 0;
  #durable = 0;
  #running = false;
  #current: Promise<void> = Promise.resolve();
  #waiters: Waiter[] = [];
  #failure: OsproxyError | undefined;

  constructor(descriptor: number, sync: SyncFile, onFailure: (error: OsproxyError) => void) {
    this.#descriptor = descriptor;
    this.#sync = sync;
    this.#onFailure = onFailure;
  }

  /** Why no write can be promised any more; undefined while all is well. */
  get failure(): OsproxyError | undefined {
    return this.#failure;
  }

  /** The last commit so far. */
  get committed(): number {
    return this.#committed;
  }

  /** Call right after a commit that wrote something. */
  noteCommit(): void {
    this.#committed += 1;
  }

  /** Resolves when the sync that runs now, if there is one, has ended in whatever way. */
  ended(): Promise<void> {
    return this.#current;
  }

  /** Resolves when this and every earlier commit is durable; rejects with Unavailable, once and for all, when a sync failed. */
  durable(commit: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (commit <= this.#durable) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters.push({ commit, resolve, reject });
    if (!this.#running) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiters.length > 0 && this.#failure === undefined) {
      const covered = this.#committed;
      const sync = this.#sync(this.#descriptor);
      this.#current = sync.catch(() => {});
      try {
        await sync;
      } catch (cause) {
        this.#fail(cause);
        break;
      }
      this.#durable = covered;
      const waiters = this.#waiters;
      this.#waiters = waiters.filter((waiter) => waiter.commit > covered);
      for (const waiter of waiters) if (waiter.commit <= covered) waiter.resolve();
    }
    this.#running = false;
  }

  /** After a failed sync the kernel may have dropped the pages: a later sync that succeeds would prove nothing. */
  #fail(cause: unknown): void {
    const failure = new OsproxyError(
      'Unavailable',
      'The database could not make its last writes durable and takes no more; check its disk, then restart.',
      { cause },
    );
    this.#failure = failure;
    for (const waiter of this.#waiters) waiter.reject(failure);
    this.#waiters = [];
    this.#onFailure(failure);
  }
}
