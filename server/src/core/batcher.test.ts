import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Batcher, type BatcherOptions, type Outcome } from './batcher.ts';

interface Item {
  readonly key: string;
  readonly seq: number;
  readonly size: number;
}

const DEFAULTS = {
  keyOf: (item: Item) => item.key,
  sizeOf: (item: Item) => item.size,
  maxItems: 10,
  maxBytes: 1000,
  maxWaitMs: 1,
  lanes: 3,
  maxQueuedItems: 1000,
  maxQueuedBytes: 1_000_000,
};

function item(key: string, seq: number, size = 1): Item {
  return { key, seq, size };
}

/** Says its number for every item. */
async function number(items: readonly Item[]): Promise<readonly Outcome<number>[]> {
  return items.map(({ seq }) => ({ value: seq }));
}

function batcher(options: Partial<BatcherOptions<Item, number>>): Batcher<Item, number> {
  return new Batcher({ ...DEFAULTS, work: number, ...options });
}

describe('a batcher', () => {
  test('works through every item once, each key in order, no batch past its limits, no lane twice at once', async () => {
    const one = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), size: fc.nat(40) });
    const limits = fc.record({
      maxItems: fc.integer({ min: 1, max: 7 }),
      maxBytes: fc.integer({ min: 1, max: 60 }),
      lanes: fc.integer({ min: 1, max: 4 }),
      maxQueuedItems: fc.integer({ min: 1, max: 20 }),
      maxQueuedBytes: fc.integer({ min: 1, max: 200 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 80 }), limits, async (wanted, chosen) => {
        const seen = new Map<string, number[]>();
        let working = 0;
        const subject = batcher({
          ...chosen,
          maxWaitMs: 0,
          work: async (items) => {
            working += 1;
            expect(working).toBeLessThanOrEqual(chosen.lanes);
            expect(items.length).toBeLessThanOrEqual(chosen.maxItems);
            const bytes = items.reduce((sum, { size }) => sum + size, 0);
            expect(items.length === 1 || bytes <= chosen.maxBytes).toBe(true);
            expect(subject.queued).toBeLessThanOrEqual(chosen.maxQueuedItems);
            await Promise.resolve();
            for (const { key, seq } of items) seen.set(key, [...(seen.get(key) ?? []), seq]);
            working -= 1;
            return number(items);
          },
        });
        const answers = await Promise.all(
          wanted.map(({ key, size }, seq) => subject.add(item(key, seq, size))),
        );
        expect(answers).toEqual(wanted.map((_, seq) => seq));
        for (const seqs of seen.values()) expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
        expect([...seen.values()].flat()).toHaveLength(wanted.length);
        expect(subject.queued).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('tells each caller its own outcome', async () => {
    const subject = batcher({
      lanes: 1,
      work: async (items) =>
        items.map(({ seq }) => (seq === 1 ? { error: new Error('number 1 is bad') } : { value: seq })),
    });
    const settled = await Promise.allSettled([0, 1, 2].map((seq) => subject.add(item('k', seq))));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('fails the whole batch, and goes on with the next, when its work throws or loses outcomes', async () => {
    let calls = 0;
    const subject = batcher({
      lanes: 1,
      maxItems: 2,
      work: async (items) => {
        calls += 1;
        if (calls === 1) throw new Error('away');
        return calls === 2 ? [] : number(items);
      },
    });
    const settled = await Promise.allSettled([0, 1, 2, 3, 4].map((seq) => subject.add(item('k', seq))));
    expect(settled.map(({ status }) => status)).toEqual([...Array(4).fill('rejected'), 'fulfilled']);
  });

  test('waits for company no longer than it was told, and not at all when a batch is full', async () => {
    const sizes: number[] = [];
    const work = async (items: readonly Item[]) => {
      sizes.push(items.length);
      return number(items);
    };
    const patient = batcher({ lanes: 1, maxItems: 3, maxWaitMs: 60_000, work });
    await Promise.all([0, 1, 2].map((seq) => patient.add(item('k', seq))));
    expect(sizes).toEqual([3]);
    const hasty = batcher({ lanes: 1, maxItems: 3, maxWaitMs: 5, work });
    await hasty.add(item('k', 0));
    expect(sizes).toEqual([3, 1]);
  });

  test('makes add() wait and offer() refuse while it is full, and lets both in again', async () => {
    const gate = Promise.withResolvers<void>();
    const subject = batcher({
      lanes: 1,
      maxItems: 1,
      maxQueuedItems: 2,
      work: async (items) => {
        await gate.promise;
        return number(items);
      },
    });
    const first = [subject.add(item('k', 0)), subject.add(item('k', 1))];
    let third = false;
    const waiting = subject.add(item('k', 2)).then(() => {
      third = true;
    });
    expect(subject.offer(item('k', 3))).toBe(false);
    await sleep(10);
    expect({ third, queued: subject.queued }).toEqual({ third: false, queued: 2 });
    gate.resolve();
    await Promise.all([...first, waiting]);
    expect(subject.offer(item('k', 4))).toBe(true);
    await subject.close();
  });

  test('close works through what it holds without waiting for more, and refuses what comes later', async () => {
    const seen: number[] = [];
    const subject = batcher({
      maxWaitMs: 60_000,
      maxQueuedItems: 5,
      work: async (items) => {
        await sleep(1);
        seen.push(...items.map(({ seq }) => seq));
        return number(items);
      },
    });
    const adding = Array.from({ length: 20 }, (_, seq) => subject.add(item(`k${seq}`, seq)));
    await subject.close();
    await Promise.all(adding);
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, seq) => seq));
    await expect(subject.add(item('k', 99))).rejects.toMatchObject({ code: 'Unavailable' });
    expect(subject.offer(item('k', 99))).toBe(false);
  });
});
