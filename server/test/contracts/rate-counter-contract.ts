import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RateCounter } from '#core/ports/rate-counter.ts';

/** The promises of the rate counter port, of two processes that count together; a counter of one process is both of them. */
export function rateCounterContract(
  name: string,
  create: () => Promise<{ readonly one: RateCounter; readonly two: RateCounter }>,
): void {
  describe(`rate counter contract: ${name}`, () => {
    let one: RateCounter;
    let two: RateCounter;
    beforeEach(async () => {
      ({ one, two } = await create());
    });
    afterEach(async () => {
      await one.close();
      await two.close();
    });

    const RULE = { limit: 5, windowMs: 60_000 };

    it('allows as many as the limit, whoever counts, and says what is left', async () => {
      const seen: [boolean, number][] = [];
      for (let i = 0; i < 7; i += 1) {
        const { allowed, remaining } = await (i % 2 === 0 ? one : two).take('k', RULE);
        seen.push([allowed, remaining]);
      }
      expect(seen).toEqual([
        [true, 4],
        [true, 3],
        [true, 2],
        [true, 1],
        [true, 0],
        [false, 0],
        [false, 0],
      ]);
    });

    it('tells keys apart', async () => {
      for (let i = 0; i < 5; i += 1) await one.take('a', RULE);
      expect(await one.take('a', RULE)).toMatchObject({ allowed: false });
      expect(await two.take('b', RULE)).toMatchObject({ allowed: true, remaining: 4 });
      expect(await two.take('A', RULE)).toMatchObject({ allowed: true });
    });

    it('counts exactly when many come at once', async () => {
      const rule = { limit: 50, windowMs: 60_000 };
      const many = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? one : two).take('k', rule));
      const allowed = (await Promise.all(many)).filter((decision) => decision.allowed);
      expect(allowed).toHaveLength(50);
    });

    it('allows again after the time it names, and no sooner', async () => {
      const rule = { limit: 3, windowMs: 400 };
      for (let i = 0; i < 3; i += 1) expect((await one.take('k', rule)).allowed).toBe(true);
      const refused = await two.take('k', rule);
      expect(refused.allowed).toBe(false);
      expect(refused.resetMs).toBeGreaterThan(0);
      expect(refused.resetMs).toBeLessThanOrEqual(2 * rule.windowMs);
      await sleep(refused.resetMs + 20);
      expect((await one.take('k', rule)).allowed).toBe(true);
    });

    it('starts afresh after two windows without a use', async () => {
      const rule = { limit: 2, windowMs: 100 };
      for (let i = 0; i < 5; i += 1) await one.take('k', rule);
      await sleep(230);
      expect(await two.take('k', rule)).toMatchObject({ allowed: true, remaining: 1 });
    });
  });
}
