import { randomBytes } from 'node:crypto';
import { OsproxyError } from './errors.ts';
import type { Lease } from './model/lease.ts';
import type { Clock } from './ports/clock.ts';
import type { Coordinator } from './ports/coordinator.ts';
import type { Logger } from './ports/logger.ts';
import { MAX_WORKER_NUMBER, type Snowflakes } from './snowflake.ts';

const LEASE_MS = 30_000;
const RENEW_EVERY_MS = 10_000;
/** Ids may run this far ahead of the clock before a renewal is needed: room for bursts and for a clock that steps back. */
const AHEAD_MS = 60_000;
/** A number whose last holder reserved further ahead than this is left to rest. */
const MAX_FLOOR_AHEAD_MS = 10_000;

/**
 * Leases a worker number for the snowflakes of this process and keeps it. The lease's value is the last millisecond that ids may carry; it is
 * stored before it is used. When the lease cannot be renewed in time the snowflakes stop and another number is taken.
 */
export class WorkerNumber {
  readonly #coordinator: Coordinator;
  readonly #snowflakes: Snowflakes;
  readonly #holder: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #lease: Lease | undefined;
  #floor = 0;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;

  constructor(options: {
    coordinator: Coordinator;
    snowflakes: Snowflakes;
    holder: string;
    clock: Clock;
    logger: Logger;
  }) {
    this.#coordinator = options.coordinator;
    this.#snowflakes = options.snowflakes;
    // Two processes that were given one name by mistake must not share a lease.
    this.#holder = `${options.holder}/${randomBytes(8).toString('hex')}`;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Rejects with Unavailable when all 1024 numbers are taken. */
  async start(): Promise<void> {
    await this.#take();
    this.#timer = setInterval(() => {
      this.#renewing ??= this.renew().finally(() => {
        this.#renewing = undefined;
      });
    }, RENEW_EVERY_MS);
    this.#timer.unref();
  }

  /** Extends the lease, or takes another number when it was lost; failures leave the snowflakes to their reservation. */
  async renew(): Promise<void> {
    try {
      const held = this.#lease;
      if (held === undefined) {
        await this.#take();
        return;
      }
      const until = this.#clock.now() + AHEAD_MS;
      const renewed = await this.#coordinator.renew(held, LEASE_MS, Math.max(until, held.value));
      if (renewed !== undefined) {
        this.#use(renewed);
        return;
      }
      this.#snowflakes.suspend();
      this.#lease = undefined;
      this.#logger.warn({ lease: held.name }, 'the worker number was lost, taking another');
      await this.#take();
    } catch (error) {
      const lease = this.#lease;
      // Past its end somebody else may hold the number; without a renewal this process must not make ids under it.
      if (lease !== undefined && this.#clock.now() >= lease.expiresAt) this.#snowflakes.suspend();
      this.#logger.warn({ err: error }, 'the worker number could not be renewed');
    }
  }

  /** Gives the number back; where that fails, its lease ends with its time. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    const lease = this.#lease;
    this.#lease = undefined;
    const last = this.#snowflakes.lastUsed;
    this.#snowflakes.suspend();
    if (lease === undefined) return;
    await this.#coordinator.release(lease, last).catch((error: unknown) => {
      this.#logger.warn({ err: error }, 'the worker number could not be given back');
    });
  }

  /** The first free number whose last holder is not ahead of the clock; where all are, the one that is least ahead. */
  async #take(): Promise<void> {
    let best: Lease | undefined;
    const rest = (lease: Lease) => this.#coordinator.release(lease, lease.value);
    try {
      for (let number = 0; number <= MAX_WORKER_NUMBER; number += 1) {
        const lease = await this.#coordinator.acquire(`worker-number/${number}`, this.#holder, LEASE_MS);
        if (lease === undefined) continue;
        if (best !== undefined && best.value <= lease.value) {
          await rest(lease);
          continue;
        }
        const worse = best;
        best = lease;
        if (worse !== undefined) await rest(worse);
        if (best.value <= this.#clock.now() + MAX_FLOOR_AHEAD_MS) break;
      }
    } catch (error) {
      if (best !== undefined) await rest(best).catch(() => {});
      throw error;
    }
    if (best === undefined) {
      throw new OsproxyError('Unavailable', 'All 1024 worker numbers are taken by other processes.', {
        details: { limit: MAX_WORKER_NUMBER + 1 },
      });
    }
    await this.#begin(best);
  }

  async #begin(lease: Lease): Promise<void> {
    this.#floor = lease.value;
    const until = Math.max(this.#clock.now(), lease.value) + AHEAD_MS;
    const reserved = await this.#coordinator.renew(lease, LEASE_MS, until);
    if (reserved === undefined) {
      throw new OsproxyError('Unavailable', 'The worker number was lost while it was being taken.');
    }
    this.#lease = reserved;
    this.#use(reserved);
  }

  #use(lease: Lease): void {
    this.#lease = lease;
    const worker = Number(lease.name.slice(lease.name.indexOf('/') + 1));
    this.#snowflakes.reserve({ worker, floor: this.#floor, reservedUntil: lease.value });
  }
}
