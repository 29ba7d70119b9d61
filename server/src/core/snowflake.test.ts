import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOsproxyError } from './errors.ts';
import { isUid } from './model/uid.ts';
import { idBefore, SNOWFLAKE_EPOCH, Snowflakes, timeOfId } from './snowflake.ts';

const START = 1_900_000_000_000;

class TestClock {
  time = START;
  now(): number {
    return this.time;
  }
}

function timeOf(uid: string): number {
  return Number(BigInt(uid) >> 22n) + SNOWFLAKE_EPOCH;
}

function workerOf(uid: string): number {
  return Number((BigInt(uid) >> 12n) & 1023n);
}

/** Stand still, step back, creep on, jump. */
const steps = fc.array(
  fc.record({
    move: fc.oneof(fc.constant(0), fc.integer({ min: -120_000, max: 120_000 })),
    ids: fc.nat(300),
  }),
  { maxLength: 40 },
);

describe('Snowflakes', () => {
  it('makes unique, ascending uids within its reservation, whatever the clock does', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 1023 }), fc.nat(200_000), (moves, worker, ahead) => {
        const clock = new TestClock();
        const ids = new Snowflakes(clock);
        const floor = START - 50_000;
        const reservedUntil = START + ahead;
        ids.reserve({ worker, floor, reservedUntil });
        let last = 0n;
        for (const { move, ids: count } of moves) {
          clock.time += move;
          for (let i = 0; i < count; i += 1) {
            let uid: string;
            try {
              uid = ids.next();
            } catch (error) {
              if (!isOsproxyError(error, 'Unavailable')) throw error;
              break;
            }
            expect(isUid(uid)).toBe(true);
            expect(BigInt(uid) > last).toBe(true);
            expect(workerOf(uid)).toBe(worker);
            expect(timeOf(uid)).toBeGreaterThan(floor);
            expect(timeOf(uid)).toBeLessThanOrEqual(reservedUntil);
            last = BigInt(uid);
          }
        }
      }),
    );
  });

  it('makes more than 4096 ids in one millisecond by running ahead of the clock', () => {
    const ids = new Snowflakes(new TestClock());
    ids.reserve({ worker: 5, floor: 0, reservedUntil: START + 10 });
    const made = Array.from({ length: 10_000 }, () => ids.next());
    expect(new Set(made).size).toBe(10_000);
    expect(timeOf(made[4095] ?? '')).toBe(START);
    expect(timeOf(made[4096] ?? '')).toBe(START + 1);
    expect(timeOf(made.at(-1) ?? '')).toBe(START + 2);
  });

  it('uses every id of its last millisecond and then refuses', () => {
    const ids = new Snowflakes(new TestClock());
    ids.reserve({ worker: 0, floor: START - 1, reservedUntil: START });
    for (let i = 0; i < 4096; i += 1) ids.next();
    expect(() => ids.next()).toThrow(/may not make new ids/);
    ids.reserve({ worker: 0, floor: START - 1, reservedUntil: START + 1 });
    expect(timeOf(ids.next())).toBe(START + 1);
  });

  it('never collides with a source of another worker number', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 1023 }), { minLength: 2, maxLength: 4 }),
        fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 200 }),
        (workers, moves) => {
          const clock = new TestClock();
          const sources = workers.map((worker) => {
            const ids = new Snowflakes(clock);
            ids.reserve({ worker, floor: 0, reservedUntil: START + 100_000 });
            return ids;
          });
          const made = new Set<string>();
          for (const move of moves) {
            clock.time += move;
            for (const source of sources) made.add(source.next());
          }
          expect(made.size).toBe(moves.length * sources.length);
        },
      ),
    );
  });

  it('never repeats after a crash and a takeover of the number with a clock that stepped back', () => {
    fc.assert(
      fc.property(fc.nat(120_000), fc.nat(9000), fc.nat(9000), (back, before, after) => {
        const clock = new TestClock();
        const reservedUntil = START + 60_000;
        const crashed = new Snowflakes(clock);
        crashed.reserve({ worker: 7, floor: 0, reservedUntil });
        const old = new Set(Array.from({ length: before }, () => crashed.next()));
        clock.time -= back;
        const heir = new Snowflakes(clock);
        heir.reserve({ worker: 7, floor: reservedUntil, reservedUntil: reservedUntil + 60_000 });
        for (let i = 0; i < after; i += 1) expect(old.has(heir.next())).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  it('stays ascending when it changes its worker number or takes an old one again', () => {
    const ids = new Snowflakes(new TestClock());
    const made: bigint[] = [];
    for (const worker of [9, 3, 9]) {
      ids.reserve({ worker, floor: 0, reservedUntil: START + 1000 });
      made.push(BigInt(ids.next()), BigInt(ids.next()));
      ids.suspend();
    }
    expect(made).toEqual([...made].sort((a, b) => (a < b ? -1 : 1)));
    expect(new Set(made).size).toBe(6);
  });

  it('makes none before its first reservation and none while suspended', () => {
    const ids = new Snowflakes(new TestClock());
    expect(() => ids.next()).toThrow(/try again shortly/);
    ids.reserve({ worker: 1, floor: 0, reservedUntil: START });
    ids.next();
    ids.suspend();
    expect(() => ids.next()).toThrow(/try again shortly/);
  });

  it('makes positive uids on a machine whose clock is before the epoch of ids', () => {
    const clock = new TestClock();
    clock.time = 1000;
    const ids = new Snowflakes(clock);
    ids.reserve({ worker: 0, floor: 0, reservedUntil: 61_000 });
    expect(() => ids.next()).toThrow(/may not make new ids/);
    ids.reserve({ worker: 0, floor: 0, reservedUntil: SNOWFLAKE_EPOCH + 5 });
    expect(isUid(ids.next())).toBe(true);
  });

  it('tells the last millisecond it used', () => {
    const clock = new TestClock();
    const ids = new Snowflakes(clock);
    ids.reserve({ worker: 0, floor: START + 7, reservedUntil: START + 60_000 });
    expect(ids.lastUsed).toBe(START + 7);
    expect(timeOf(ids.next())).toBe(START + 8);
    expect(ids.lastUsed).toBe(START + 8);
  });
});

it('tells when an id was made, and the ids of earlier moments', () => {
  const clock = { now: () => 1_700_000_000_123 };
  const ids = new Snowflakes(clock);
  ids.reserve({ worker: 1023, floor: 0, reservedUntil: Number.MAX_SAFE_INTEGER });
  const id = ids.next();
  expect(timeOfId(id)).toBe(1_700_000_000_123);
  expect(BigInt(idBefore(1_700_000_000_123))).toBeLessThan(BigInt(id));
  expect(BigInt(idBefore(1_700_000_000_124))).toBeGreaterThan(BigInt(id));
  expect(idBefore(0)).toBe('0');
});
