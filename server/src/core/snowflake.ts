import { OsproxyError } from './errors.ts';
import type { Uid } from './model/uid.ts';
import type { Clock } from './ports/clock.ts';
import type { IdSource } from './ports/ids.ts';

/** Milliseconds since the Unix epoch at which the time field of an id is zero. */
export const SNOWFLAKE_EPOCH = 1_417_937_700_000;
export const MAX_WORKER_NUMBER = 1023;

const SEQUENCE_BITS = 12;
const WORKER_BITS = 10;
const MAX_SEQUENCE = 2 ** SEQUENCE_BITS - 1;

/** The right to make ids under a worker number, up to and including a millisecond that is stored where the next holder reads it. */
export interface SnowflakeReservation {
  readonly worker: number;
  /** Only milliseconds above this one are free: whoever had the number before may have used the others. */
  readonly floor: number;
  /** Last usable millisecond; ids beyond it wait for a renewal. */
  readonly reservedUntil: number;
}

/**
 * 63-bit ids: milliseconds since SNOWFLAKE_EPOCH, 10 bits of worker number, 12 bits of sequence. Always ascending within a process: when the
 * clock steps back, or more than 4096 ids fall into a millisecond, the time field runs ahead of the clock. It never passes
 * `reservedUntil`, so a later holder of the number starts where no id can be, whatever either clock says.
 */
export class Snowflakes implements IdSource {
  readonly #clock: Clock;
  #reservation: SnowflakeReservation | undefined;
  /** Never before the epoch, however wrong the clock is. */
  #last = SNOWFLAKE_EPOCH;
  #sequence = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts or extends; a renewal keeps the worker number. */
  reserve(reservation: SnowflakeReservation): void {
    if (this.#reservation?.worker !== reservation.worker) {
      this.#last = Math.max(this.#last, reservation.floor);
      this.#sequence = MAX_SEQUENCE;
    }
    this.#reservation = reservation;
  }

  /** No id is made from here on until the next reserve(). */
  suspend(): void {
    this.#reservation = undefined;
  }

  /** The last millisecond used; stored for the next holder when the number is given back. */
  get lastUsed(): number {
    return this.#last;
  }

  next(): Uid {
    const reservation = this.#reservation;
    if (reservation === undefined) throw notSure();
    const now = this.#clock.now();
    let time = this.#last;
    let sequence = this.#sequence + 1;
    if (now > time) {
      time = now;
      sequence = 0;
    } else if (sequence > MAX_SEQUENCE) {
      time += 1;
      sequence = 0;
    }
    if (time > reservation.reservedUntil) throw notSure();
    this.#last = time;
    this.#sequence = sequence;
    const ticks = BigInt(time - SNOWFLAKE_EPOCH);
    const low = (reservation.worker << SEQUENCE_BITS) | sequence;
    return String((ticks << BigInt(WORKER_BITS + SEQUENCE_BITS)) | BigInt(low));
  }
}

/** The moment that an id was made at, in milliseconds since the Unix epoch, by the clock of the node that made it. */
export function timeOfId(id: string): number {
  return Number(BigInt(id) >> BigInt(WORKER_BITS + SEQUENCE_BITS)) + SNOWFLAKE_EPOCH;
}

/** Greater than every id of earlier milliseconds, smaller than every one of this millisecond and later but the first; 0 at the epoch and before. */
export function idBefore(time: number): string {
  const ticks = Math.max(0, Math.floor(time) - SNOWFLAKE_EPOCH);
  return String(BigInt(ticks) << BigInt(WORKER_BITS + SEQUENCE_BITS));
}

function notSure(): OsproxyError {
  return new OsproxyError('Unavailable', 'This node may not make new ids at the moment; try again shortly.', {
    retryAfterSeconds: 2,
  });
}
