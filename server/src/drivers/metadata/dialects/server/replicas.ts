import { randomUUID } from 'node:crypto';
import { JoinedSignal, pause } from '#core/cancellation.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { ReplicaSet, ReplicaState } from '#core/ports/metadata/replicas.ts';
import type { Dialect, Result, Session } from '../../session.ts';
import { Beats } from './beats.ts';
import type { Replica } from './replica.ts';

const ROUND_MS = 1000;
/** Between two rounds at least, however often reads ask for one. */
const SHORTEST_ROUND_MS = 100;
/** Replicas are looked at whether or not the primary has taken the beat by then. */
const BEAT_PATIENCE_MS = 500;

const AWAY = 'a database replica is away; the primary is read instead';
const BEHIND = 'a database replica is too far behind; the primary is read instead';

export interface ReplicasOptions {
  readonly primary: Session;
  readonly replicas: readonly Replica[];
  /** One that may be further behind is not read from. */
  readonly maxLagMs: number;
  readonly logger: Logger;
}

/**
 * Reads that may be some moments old: each goes to one of the replicas that are near enough to the primary, and within the same call to the primary when the
 * replica does not answer it, for whatever reason. Each second a beat is written to the primary and looked for on every replica.
 */
export class Replicas implements ReplicaSet, Session {
  readonly dialect: Dialect;
  readonly #options: ReplicasOptions;
  readonly #beats = new Beats(randomUUID());
  readonly #closing = new AbortController();
  /** What was last said about each in the log. */
  readonly #told = new Map<Replica, string>();
  #next = 0;
  #hasBeat = false;
  #running: Promise<void> | undefined;
  #beating: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: ReplicasOptions) {
    this.dialect = options.primary.dialect;
    this.#options = options;
  }

  get states(): readonly ReplicaState[] {
    return this.#options.replicas.map((replica) => ({
      number: replica.number,
      isUp: replica.isUp,
      isUsed: this.#isUsed(replica),
      lagMs: replica.lagMs,
    }));
  }

  /** Watches the replicas from here on; to be called when the tables are there. */
  start(): void {
    if (!this.#closing.signal.aborted) this.#running ??= this.#run(this.#closing.signal);
  }

  async execute(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>> {
    this.start();
    const replica = this.#choose();
    if (replica === undefined) return this.#options.primary.execute(sql, parameters);
    try {
      return await replica.read(sql, parameters);
    } catch (error) {
      this.#options.logger.debug(
        { err: error, replica: replica.place },
        'a read went to the primary instead',
      );
      if (!replica.isUp) this.#wake?.();
    }
    return this.#options.primary.execute(sql, parameters);
  }

  async examine(): Promise<string> {
    const { replicas } = this.#options;
    await this.#write();
    // One that is in order has the beat by then.
    for (let attempt = 0; attempt < 10; attempt++) {
      await Promise.all(replicas.map((replica) => replica.look(this.#beats)));
      if (replicas.every((replica) => !replica.isUp || this.#isUsed(replica))) break;
      await pause(200, this.#closing.signal);
    }
    const problems = replicas.flatMap((replica) => {
      const { place, failure } = replica;
      if (!replica.isUp) return [failure instanceof Error ? failure.message : `${place} does not answer.`];
      return this.#isUsed(replica) ? [] : [`The replica at ${place} is too far behind the primary.`];
    });
    if (problems.length > 0) throw new OsproxyError('Unavailable', problems.join(' '));
    return `${replicas.length} in use`;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const replica of this.#options.replicas) replica.close();
    await this.#running;
    if (this.#hasBeat) await patiently(this.#beats.remove(this.#options.primary));
  }

  /** In turn, so that each gets its share. */
  #choose(): Replica | undefined {
    const { replicas } = this.#options;
    for (let tried = 0; tried < replicas.length; tried++) {
      this.#next = (this.#next + 1) % replicas.length;
      const replica = replicas[this.#next];
      if (replica !== undefined && this.#isUsed(replica)) return replica;
    }
    return undefined;
  }

  #isUsed(replica: Replica): boolean {
    const { lagMs } = replica;
    return replica.isUp && lagMs !== undefined && lagMs <= this.#options.maxLagMs;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const began = performance.now();
      this.#beating ??= this.#beat().finally(() => {
        this.#beating = undefined;
      });
      await patiently(this.#beating);
      const due = this.#options.replicas.filter((replica) => replica.isDue);
      await Promise.all(due.map((replica) => replica.look(this.#beats)));
      if (signal.aborted) break;
      for (const replica of due) this.#tell(replica);
      await pause(SHORTEST_ROUND_MS, signal);
      await this.#rest(began + ROUND_MS - performance.now(), signal);
    }
    for (const replica of this.#options.replicas) replica.close();
  }

  /** Until the next round, or until a read has lost a replica. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    const resting = new JoinedSignal(signal);
    this.#wake = () => resting.abort();
    await pause(ms, resting.signal);
    resting.release();
    this.#wake = undefined;
  }

  #write(): Promise<void> {
    this.#hasBeat = true;
    return this.#beats.write(this.#options.primary);
  }

  async #beat(): Promise<void> {
    try {
      await this.#write();
    } catch (error) {
      // Without beats every replica counts as further and further behind, which is all that can be known then.
      this.#options.logger.debug(
        { err: error },
        'the primary did not take the beat that replicas are measured by',
      );
    }
  }

  #tell(replica: Replica): void {
    const { place, lagMs, failure } = replica;
    const state = this.#isUsed(replica) ? 'used' : replica.isUp ? 'behind' : 'away';
    const before = this.#told.get(replica);
    // At the start it has had no time to show anything.
    if (state === before || (before === undefined && state === 'behind' && lagMs === undefined)) return;
    this.#told.set(replica, state);
    const { logger, maxLagMs } = this.#options;
    if (state === 'used') logger.info({ replica: place }, 'reads go to this database replica');
    else if (state === 'away') logger.warn({ replica: place, err: failure }, AWAY);
    else logger.warn({ replica: place, lagMs, maxLagMs }, BEHIND);
  }
}

/** Waits for a while only; what fails later is nobody's concern. */
async function patiently(work: Promise<unknown>): Promise<void> {
  const done = work.catch(() => {});
  await Promise.race([done, pause(BEAT_PATIENCE_MS, new AbortController().signal)]);
}
