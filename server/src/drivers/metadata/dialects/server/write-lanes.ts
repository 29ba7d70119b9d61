import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { OsproxyError } from '#core/errors.ts';
import type { Dialect, Result, Session } from '../../session.ts';
import type { ServerConnection } from './connection.ts';
import type { Pool } from './pool.ts';
import { lostConnection, type Trouble, tooManyConflicts, troubleOf, unknownOutcome } from './trouble.ts';

export interface LaneLimits {
  /** Transactions of this process that are open at once. */
  readonly lanes: number;
  /** Callers that share one transaction at most. */
  readonly groupSize: number;
  /** A shared transaction takes no further member after this long. */
  readonly groupMs: number;
  /** How long one caller's work is run again after conflicts. */
  readonly retryMs: number;
}

/** Those that lost a conflict run one by one in this many lanes, so that they do not go on hindering each other. */
const RETRY_LANES = 2;
const LONGEST_PAUSE_MS = 200;

interface Job {
  readonly work: (session: Session) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly deadline: number;
  /** Conflicts and lost connections so far. */
  tries: number;
  /** True when it was told once that something exists already, which only a newer state can confirm. */
  doubted: boolean;
}

interface Outcome {
  readonly job: Job;
  readonly trouble: Trouble | undefined;
  readonly result: { readonly value: unknown } | { readonly error: unknown };
}

/** One caller's view of a transaction; dead as soon as its turn is over. */
class MemberSession implements Session {
  readonly dialect: Dialect;
  readonly #connection: ServerConnection;
  open = true;
  /** The first error that a statement met; after it nothing of the member can be kept. */
  failure: unknown;

  constructor(dialect: Dialect, connection: ServerConnection) {
    this.dialect = dialect;
    this.#connection = connection;
  }

  async execute(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>> {
    if (!this.open) {
      throw new OsproxyError('Internal', 'A repository was used after its transaction had ended.');
    }
    try {
      return await this.#connection.execute(sql, parameters);
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
  }
}

/**
 * The write transactions of this process over a few connections. While a lane is free every caller has a transaction of its own; when more
 * wait than there are lanes, those who wait share transactions, each in a savepoint. Members are chosen before their transaction begins, so
 * that each sees whatever was committed before it asked. A caller is answered after the commit that has its writes.
 */
export class WriteLanes {
  readonly #dialect: Dialect;
  readonly #pool: Pool;
  readonly #limits: LaneLimits;
  #jobs: Job[] = [];
  readonly #again: Job[] = [];
  #active = 0;
  #retrying = 0;
  #unsettled = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(dialect: Dialect, pool: Pool, limits: LaneLimits) {
    this.#dialect = dialect;
    this.#pool = pool;
    this.#limits = limits;
  }

  run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const deadline = performance.now() + this.#limits.retryMs;
    this.#unsettled += 1;
    this.#jobs.push({ work, resolve, reject, deadline, tries: 0, doubted: false });
    this.#startLane();
    return promise as Promise<T>;
  }

  /** Resolves when nothing waits or runs. */
  async idle(): Promise<void> {
    if (this.#unsettled === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  #startLane(): void {
    if (this.#active >= this.#limits.lanes) return;
    this.#active += 1;
    void this.#lane();
  }

  async #lane(): Promise<void> {
    // Gathers the callers of this turn before they are shared out.
    await nextTurn();
    for (let jobs = this.#take(); jobs.length > 0; jobs = this.#take()) await this.#transact(jobs);
    this.#active -= 1;
  }

  #take(): Job[] {
    const share = Math.ceil(this.#jobs.length / this.#limits.lanes);
    return this.#jobs.splice(0, Math.min(share, this.#limits.groupSize));
  }

  /** Never rejects. */
  async #transact(jobs: readonly Job[]): Promise<void> {
    let connection: ServerConnection;
    try {
      connection = await this.#pool.acquire();
    } catch (error) {
      for (const job of jobs) this.#settle(job, { error });
      return;
    }
    const left = new Set(jobs);
    try {
      await connection.begin(jobs.length > 1);
      await this.#share(connection, jobs, left);
    } catch (error) {
      // Nothing was kept of those who have no answer yet; of several, each is to get its own.
      const again = jobs.length > 1 || !connection.usable || troubleOf(error) === 'conflict';
      for (const job of left) {
        if (again) this.#retry(job, error);
        else this.#settle(job, { error });
      }
      if (connection.usable) await connection.rollback().catch(() => {});
    } finally {
      this.#pool.release(connection);
    }
  }

  /** Takes those who got an answer, or are to run again, out of `left`; throws when the transaction as a whole cannot go on. */
  async #share(connection: ServerConnection, jobs: readonly Job[], left: Set<Job>): Promise<void> {
    const shared = jobs.length > 1;
    const end = performance.now() + this.#limits.groupMs;
    const outcomes: Outcome[] = [];
    for (const job of jobs) {
      if (outcomes.length > 0) {
        if (performance.now() > end) break;
        await connection.nextMember();
      }
      const outcome = await this.#attempt(job, connection);
      // It may also have been lost between two statements, which then nobody was told.
      if (!connection.usable)
        throw outcome.trouble === undefined ? lostConnection(undefined) : errorOf(outcome);
      if (shared && 'error' in outcome.result) await connection.undoMember();
      outcomes.push(outcome);
    }
    const kept = outcomes.filter(({ result }) => 'value' in result);
    if (kept.length === 0) await connection.rollback();
    else await this.#commit(connection, kept, left);
    for (const outcome of outcomes) {
      if (left.delete(outcome.job)) this.#conclude(outcome);
    }
    const rest = jobs.filter((job) => left.delete(job));
    this.#jobs.unshift(...rest);
  }

  /** Returns when the commit is durable or its outcome will never be known; throws when nothing was kept. */
  async #commit(connection: ServerConnection, kept: readonly Outcome[], left: Set<Job>): Promise<void> {
    try {
      await connection.commit();
    } catch (error) {
      if (troubleOf(error) !== 'lost') throw error;
      for (const { job } of kept) {
        left.delete(job);
        this.#settle(job, { error: unknownOutcome(error) });
      }
      // Those that failed may have seen what is now unknown.
      throw error;
    }
  }

  async #attempt(job: Job, connection: ServerConnection): Promise<Outcome> {
    const session = new MemberSession(this.#dialect, connection);
    try {
      const value = await job.work(session);
      const { failure } = session;
      if (failure === undefined) return { job, trouble: undefined, result: { value } };
      // The work went on over an error, which a server does not allow.
      return { job, trouble: troubleOf(failure), result: { error: failure } };
    } catch (error) {
      return { job, trouble: troubleOf(session.failure), result: { error } };
    } finally {
      session.open = false;
    }
  }

  #conclude({ job, trouble, result }: Outcome): void {
    const exists =
      'error' in result && result.error instanceof OsproxyError && result.error.code === 'AlreadyExists';
    const doubtful = exists && trouble === 'refused' && !job.doubted;
    if (doubtful) job.doubted = true;
    if ('error' in result && (trouble === 'conflict' || doubtful)) this.#retry(job, result.error);
    else this.#settle(job, result);
  }

  /** Runs the job again, alone and a little later, unless its time is over. */
  #retry(job: Job, error: unknown): void {
    if (performance.now() > job.deadline) {
      this.#settle(job, { error: troubleOf(error) === 'conflict' ? tooManyConflicts(error) : error });
      return;
    }
    job.tries += 1;
    const pause = job.tries === 1 ? 0 : Math.min(2 ** job.tries, LONGEST_PAUSE_MS) * Math.random();
    void sleep(pause).then(() => {
      this.#again.push(job);
      if (this.#retrying < RETRY_LANES) void this.#retryLane();
    });
  }

  async #retryLane(): Promise<void> {
    this.#retrying += 1;
    for (let job = this.#again.shift(); job !== undefined; job = this.#again.shift()) {
      await this.#transact([job]);
    }
    this.#retrying -= 1;
  }

  #settle(job: Job, result: Outcome['result']): void {
    if ('error' in result) job.reject(result.error);
    else job.resolve(result.value);
    this.#unsettled -= 1;
    if (this.#unsettled === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }
}

function errorOf({ result }: Outcome): unknown {
  return 'error' in result ? result.error : undefined;
}
