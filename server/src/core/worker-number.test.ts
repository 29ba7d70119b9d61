import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OsproxyError } from './errors.ts';
import type { Lease } from './model/lease.ts';
import type { Coordinator } from './ports/coordinator.ts';
import type { Logger } from './ports/logger.ts';
import { SNOWFLAKE_EPOCH, Snowflakes } from './snowflake.ts';
import { WorkerNumber } from './worker-number.ts';

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const clock = { now: () => Date.now() };

type Row = { holder: string | undefined; fence: number; expiresAt: number; value: number };

/** Leases in this process, with switches for what a coordinator can do to its callers. */
class TestCoordinator implements Coordinator {
  readonly rows = new Map<string, Row>();
  down = false;
  calls = 0;

  async acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    this.#count();
    const row = this.rows.get(name) ?? { holder: undefined, fence: 0, expiresAt: 0, value: 0 };
    const taken = row.holder !== undefined && row.expiresAt > clock.now();
    if (taken && row.holder !== holder) return undefined;
    const held = { ...row, holder, fence: row.fence + (taken ? 0 : 1), expiresAt: clock.now() + ttlMs };
    this.rows.set(name, held);
    return { name, holder, fence: held.fence, expiresAt: held.expiresAt, value: held.value };
  }

  async renew(lease: Lease, ttlMs: number, value = lease.value): Promise<Lease | undefined> {
    this.#count();
    const row = this.rows.get(lease.name);
    if (row?.holder !== lease.holder || row.fence !== lease.fence) return undefined;
    const expiresAt = clock.now() + ttlMs;
    this.rows.set(lease.name, { ...row, expiresAt, value });
    return { ...lease, expiresAt, value };
  }

  async release(lease: Lease, value = lease.value): Promise<void> {
    this.#count();
    const row = this.rows.get(lease.name);
    if (row?.holder === lease.holder && row.fence === lease.fence) {
      this.rows.set(lease.name, { ...row, holder: undefined, expiresAt: 0, value });
    }
  }

  async heartbeat(): Promise<void> {}
  async nodes(): Promise<readonly []> {
    return [];
  }
  async leave(): Promise<void> {}
  async publish(): Promise<void> {}
  subscribe(): () => void {
    return () => {};
  }
  async close(): Promise<void> {}

  /** Names that somebody holds at the moment. */
  get held(): string[] {
    return [...this.rows].filter(([, row]) => row.expiresAt > clock.now()).map(([name]) => name);
  }

  #count(): void {
    this.calls += 1;
    if (this.down) throw new OsproxyError('Unavailable', 'The coordinator is away.');
  }
}

function timeOf(uid: string): number {
  return Number(BigInt(uid) >> 22n) + SNOWFLAKE_EPOCH;
}

function workerOf(uid: string): number {
  return Number((BigInt(uid) >> 12n) & 1023n);
}

function node(coordinator: Coordinator, holder = 'node') {
  const snowflakes = new Snowflakes(clock);
  return { snowflakes, number: new WorkerNumber({ coordinator, snowflakes, holder, clock, logger: quiet }) };
}

describe('WorkerNumber', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_900_000_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('gives different numbers to processes, even under one name by mistake', async () => {
    const coordinator = new TestCoordinator();
    const nodes = [node(coordinator, 'same'), node(coordinator, 'same'), node(coordinator, 'other')];
    for (const one of nodes) await one.number.start();
    expect(nodes.map((one) => workerOf(one.snowflakes.next()))).toEqual([0, 1, 2]);
    for (const one of nodes) await one.number.stop();
    expect(coordinator.held).toEqual([]);
  });

  it('keeps its number for ever and stores every millisecond before it may be used', async () => {
    const coordinator = new TestCoordinator();
    const { number, snowflakes } = node(coordinator);
    await number.start();
    for (let i = 0; i < 200; i += 1) {
      await vi.advanceTimersByTimeAsync(5000);
      const uid = snowflakes.next();
      expect(workerOf(uid)).toBe(0);
      expect(timeOf(uid)).toBeLessThanOrEqual(coordinator.rows.get('worker-number/0')?.value ?? 0);
    }
    await number.stop();
  });

  it('goes on for its reservation while the coordinator is away, then stops, then goes on', async () => {
    const coordinator = new TestCoordinator();
    const { number, snowflakes } = node(coordinator);
    await number.start();
    coordinator.down = true;
    await vi.advanceTimersByTimeAsync(20_000);
    snowflakes.next();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(() => snowflakes.next()).toThrow(/may not make new ids/);
    coordinator.down = false;
    await vi.advanceTimersByTimeAsync(10_000);
    snowflakes.next();
    await number.stop();
  });

  it('takes another number, and repeats no id, when its lease was taken over', async () => {
    const coordinator = new TestCoordinator();
    const old = node(coordinator, 'old');
    await old.number.start();
    const made = new Set(Array.from({ length: 5000 }, () => old.snowflakes.next()));
    coordinator.down = true;
    await vi.advanceTimersByTimeAsync(31_000);
    coordinator.down = false;
    const heir = node(coordinator, 'heir');
    await heir.number.start();
    for (let i = 0; i < 5000; i += 1) made.add(heir.snowflakes.next());
    await old.number.renew();
    for (let i = 0; i < 5000; i += 1) made.add(old.snowflakes.next());
    expect(made.size).toBe(15_000);
    await old.number.stop();
    await heir.number.stop();
    expect(coordinator.held).toEqual([]);
  });

  it('stays far from the clock of crashed holders: a restart loop does not run ahead further and further', async () => {
    const coordinator = new TestCoordinator();
    for (let crash = 0; crash < 30; crash += 1) {
      const { number, snowflakes } = node(coordinator, `crash-${crash}`);
      await number.start();
      expect(timeOf(snowflakes.next()) - clock.now()).toBeLessThan(1000);
      await vi.advanceTimersByTimeAsync(1000);
      // Crashes: neither stop() nor another renewal.
      vi.clearAllTimers();
    }
  });

  it('uses a number that is ahead only where no other is left, and then the one least ahead', async () => {
    const coordinator = new TestCoordinator();
    for (let i = 0; i < 1024; i += 1) {
      const value = clock.now() + 100_000 + ((i * 37) % 1024);
      coordinator.rows.set(`worker-number/${i}`, { holder: undefined, fence: 1, expiresAt: 0, value });
    }
    const { number, snowflakes } = node(coordinator);
    await number.start();
    const uid = snowflakes.next();
    expect(timeOf(uid)).toBe(clock.now() + 100_001);
    expect(workerOf(uid)).toBe(0);
    expect(coordinator.held).toEqual(['worker-number/0']);
    await number.stop();
  });

  it('refuses to start when all 1024 numbers are taken, and holds none', async () => {
    const coordinator = new TestCoordinator();
    const expiresAt = clock.now() + 60_000;
    for (let i = 0; i < 1024; i += 1) {
      coordinator.rows.set(`worker-number/${i}`, { holder: 'x', fence: 1, expiresAt, value: 0 });
    }
    const { number, snowflakes } = node(coordinator);
    await expect(number.start()).rejects.toMatchObject({ code: 'Unavailable' });
    expect(() => snowflakes.next()).toThrow();
    expect([...coordinator.rows.values()].every((row) => row.holder === 'x')).toBe(true);
  });

  it('refuses to start when the coordinator is away', async () => {
    const coordinator = new TestCoordinator();
    coordinator.down = true;
    await expect(node(coordinator).number.start()).rejects.toMatchObject({ code: 'Unavailable' });
  });

  it('gives its number back with the last millisecond used, so that the next holder can begin at once', async () => {
    const coordinator = new TestCoordinator();
    const first = node(coordinator, 'first');
    await first.number.start();
    const last = first.snowflakes.next();
    await first.number.stop();
    expect(() => first.snowflakes.next()).toThrow();
    expect(coordinator.rows.get('worker-number/0')).toMatchObject({ holder: undefined, value: timeOf(last) });
    const second = node(coordinator, 'second');
    await second.number.start();
    const next = second.snowflakes.next();
    expect(workerOf(next)).toBe(0);
    expect(BigInt(next) > BigInt(last)).toBe(true);
    await second.number.stop();
  });

  it('stops without an error when the coordinator is away, and asks nothing afterwards', async () => {
    const coordinator = new TestCoordinator();
    const { number } = node(coordinator);
    await number.start();
    coordinator.down = true;
    await number.stop();
    const { calls } = coordinator;
    await vi.advanceTimersByTimeAsync(120_000);
    expect(coordinator.calls).toBe(calls);
  });
});
