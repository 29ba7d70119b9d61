import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { OsproxyError } from '#core/errors.ts';
import type { Result, Session } from '../../session.ts';
import { busyPause, lockedOut } from './busy.ts';
import type { SqliteConnection } from './connection.ts';
import { sqlite } from './dialect.ts';
import { isBusy, translate } from './errors.ts';
import type { WalSync } from './wal-sync.ts';

/** How long a writer waits for other processes. */
const BUSY_MS = 10_000;
/** Bounds of one shared commit: they keep the event loop's turns, and the wait of other processes, short. */
const BATCH_SIZE = 64;
const BATCH_MS = 4;

interface Job {
  readonly work: (session: Session) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly deadline: number;
  /** True when it must not share a commit, because a shared one was lost. */
  alone: boolean;
}

/** A statement for the end of the transaction. */
interface Left {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

type Outcome = { readonly value: unknown; readonly left: readonly Left[] } | { readonly error: unknown };

/** One caller's view of the write connection; dead as soon as its transaction is over. */
class WriteSession implements Session {
  readonly dialect = sqlite;
  readonly #connection: SqliteConnection;
  readonly left: Left[] = [];
  open = true;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  async execute(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>> {
    if (!this.open) {
      throw new OsproxyError('Internal', 'A repository was used after its transaction had ended.');
    }
    return this.#connection.execute(sql, parameters);
  }

  atCommit(sql: string, parameters: readonly unknown[]): void {
    this.left.push({ sql, parameters });
  }
}

/**
 * The one writer of this process. Transactions run one after the other, so each sees what the earlier ones wrote; those that wait at the
 * same moment share one BEGIN IMMEDIATE … COMMIT, each in its own savepoint, which writes pages that several touch only once. A throw
 * rolls back its own savepoint. When a shared commit itself is lost, its members run again, each alone, so that each gets its own answer.
 */
export class WriteQueue {
  readonly #connection: SqliteConnection;
  readonly #sync: WalSync;
  readonly #busyMs: number;
  readonly #onCommit: () => void;
  #jobs: Job[] = [];
  #exclusive: (() => Promise<void>)[] = [];
  #pumping: Promise<void> | undefined;

  constructor(connection: SqliteConnection, sync: WalSync, onCommit: () => void, busyMs = BUSY_MS) {
    this.#connection = connection;
    this.#sync = sync;
    this.#onCommit = onCommit;
    this.#busyMs = busyMs;
  }

  /** Resolves when the writes of `work` are durable. */
  run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const deadline = performance.now() + this.#busyMs;
    this.#jobs.push({ work, resolve, reject, deadline, alone: false });
    this.#pump();
    return promise as Promise<T>;
  }

  /** Runs `action` while no transaction of this process is open and none can start. */
  exclusive(action: () => Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#exclusive.push(() => action().then(resolve, reject));
    this.#pump();
    return promise;
  }

  /** Resolves when nothing waits or runs. */
  async idle(): Promise<void> {
    while (this.#pumping !== undefined) await this.#pumping;
  }

  #pump(): void {
    this.#pumping ??= this.#drain().finally(() => {
      this.#pumping = undefined;
      if (this.#jobs.length + this.#exclusive.length > 0) this.#pump();
    });
  }

  async #drain(): Promise<void> {
    while (this.#jobs.length + this.#exclusive.length > 0) {
      // Gathers the callers of this turn, and lets the event loop breathe between commits.
      await nextTurn();
      const action = this.#exclusive.shift();
      if (action !== undefined) {
        await action();
        continue;
      }
      // What commits while a sync runs waits for its end and for the next one all the same; until then more callers come to share the commit.
      if (this.#jobs.length < BATCH_SIZE) await this.#sync.ended();
      if (await this.#begin()) await this.#batch();
    }
  }

  /** False when nobody is left who wants to write. */
  async #begin(): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      const { failure } = this.#sync;
      if (failure !== undefined) {
        for (const job of this.#jobs.splice(0)) job.reject(failure);
        return false;
      }
      try {
        this.#connection.execute('begin immediate', []);
        return true;
      } catch (error) {
        this.#giveUp(error);
        if (this.#jobs.length === 0) return false;
        await sleep(busyPause(attempt));
      }
    }
  }

  /** Rejects those who need not wait any longer: all of them, unless the database is merely busy. */
  #giveUp(error: unknown): void {
    const now = performance.now();
    const busy = isBusy(error);
    const jobs = this.#jobs;
    this.#jobs = busy ? jobs.filter((job) => job.deadline > now) : [];
    const reason = busy ? lockedOut(error) : translate(error);
    for (const job of jobs) if (!busy || job.deadline <= now) job.reject(reason);
  }

  async #batch(): Promise<void> {
    const before = this.#connection.changes;
    const members: { job: Job; outcome: Outcome }[] = [];
    const alone = this.#jobs.length === 1 || this.#jobs[0]?.alone === true;
    const end = performance.now() + BATCH_MS;
    do {
      const job = this.#jobs.shift();
      if (job === undefined) break;
      const outcome = await (alone ? this.#attempt(job) : this.#attemptInSavepoint(job));
      members.push({ job, outcome: outcome ?? { error: undefined } });
      if (outcome === undefined || !this.#connection.inTransaction) return this.#lost(members);
    } while (
      !alone &&
      members.length < BATCH_SIZE &&
      performance.now() < end &&
      this.#jobs[0]?.alone !== true
    );

    const failed = alone && members.some(({ outcome }) => 'error' in outcome);
    try {
      if (!failed) this.#finish(members);
      this.#connection.execute(failed ? 'rollback' : 'commit', []);
    } catch (error) {
      return this.#lost(members, translate(error));
    }
    if (!failed && this.#connection.changes > before) {
      this.#sync.noteCommit();
      this.#onCommit();
    }
    this.#answer(members);
  }

  /** What the members left for the end, after the last savepoint: the full-text index writes what it has gathered at each of those. */
  #finish(members: readonly { outcome: Outcome }[]): void {
    for (const { outcome } of members) {
      if ('error' in outcome) continue;
      for (const { sql, parameters } of outcome.left) this.#connection.execute(sql, parameters);
    }
  }

  async #attempt(job: Job): Promise<Outcome> {
    const session = new WriteSession(this.#connection);
    try {
      return { value: await job.work(session), left: session.left };
    } catch (error) {
      return { error };
    } finally {
      session.open = false;
    }
  }

  /** Undefined when what the job did could be neither kept apart nor undone: then the whole transaction must go. */
  async #attemptInSavepoint(job: Job): Promise<Outcome | undefined> {
    try {
      this.#connection.execute('savepoint one', []);
      const outcome = await this.#attempt(job);
      if (this.#connection.inTransaction) {
        if ('error' in outcome) this.#connection.execute('rollback to one', []);
        this.#connection.execute('release one', []);
      }
      return outcome;
    } catch {
      return undefined;
    }
  }

  #rollBack(): void {
    try {
      if (this.#connection.inTransaction) this.#connection.execute('rollback', []);
    } catch {
      // Where even this fails the transaction is still open, and the next BEGIN tells every caller why it cannot go on.
    }
  }

  /** The whole transaction is gone: a full disk or a failed write ends it inside SQLite. */
  #lost(members: readonly { job: Job; outcome: Outcome }[], reason?: OsproxyError): void {
    this.#rollBack();
    const [first] = members;
    if (members.length > 1 || first?.job.alone === false) {
      for (const { job } of members) job.alone = true;
      this.#jobs.unshift(...members.map(({ job }) => job));
      return;
    }
    if (first === undefined) return;
    const { job, outcome } = first;
    if (reason !== undefined) job.reject(reason);
    else if ('error' in outcome) job.reject(outcome.error);
    else job.reject(new OsproxyError('Internal', 'The database ended the transaction by itself.'));
  }

  /**
   * Also those who wrote nothing, or failed, wait for the commits they may have seen: what a caller is told is never forgotten by a
   * crash afterwards.
   */
  #answer(members: readonly { job: Job; outcome: Outcome }[]): void {
    this.#sync.durable(this.#sync.committed).then(
      () => {
        for (const { job, outcome } of members) settle(job, outcome);
      },
      (failure: unknown) => {
        for (const { job, outcome } of members)
          settle(job, 'error' in outcome ? outcome : { error: failure });
      },
    );
  }
}

function settle(job: Job, outcome: Outcome): void {
  if ('error' in outcome) job.reject(outcome.error);
  else job.resolve(outcome.value);
}
