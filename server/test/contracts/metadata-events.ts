import { describe, expect, it } from 'vitest';
import type { EventRecord, NewEvent } from '#core/model/event.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, write } from './metadata-samples.ts';

export function eventsContract({ metadata }: Fixture): void {
  const sample = (values: Partial<NewEvent> = {}): NewEvent => ({
    type: 'file.ready',
    subject: newId(),
    owner: 'Zoë',
    data: { name: '報告.pdf', size: 5, verified: true },
    ...values,
  });
  const append = (event: NewEvent, at = NOW) => write(metadata(), ({ events }) => events.append(event, at));
  const sequenceAll = async () => {
    while (await metadata().events.hasWaiting())
      await write(metadata(), ({ events }) => events.sequence(100));
  };
  /** What `work` appends and nothing before it. */
  const fresh = async (work: () => Promise<unknown>): Promise<readonly EventRecord[]> => {
    await sequenceAll();
    const before = await metadata().events.last();
    await work();
    await sequenceAll();
    return metadata().events.after(before, 1000);
  };

  describe('events', () => {
    it('keeps every field, and gives a position only when it is asked to', async () => {
      await sequenceAll();
      const before = await metadata().events.last();
      const event = sample();
      const bare = sample({ type: 'store.down', subject: 'main', owner: undefined, data: {} });
      await append(event);
      await append(bare, NOW + 1);
      expect(await metadata().events.hasWaiting()).toBe(true);
      expect(await metadata().events.after(before, 10)).toEqual([]);
      expect(await write(metadata(), ({ events }) => events.sequence(1))).toBe(1);
      expect(await write(metadata(), ({ events }) => events.sequence(10))).toBe(1);
      expect(await write(metadata(), ({ events }) => events.sequence(10))).toBe(0);
      expect(await metadata().events.hasWaiting()).toBe(false);
      const kept = await metadata().events.after(before, 10);
      expect(kept).toMatchObject([
        { ...event, at: NOW },
        { ...bare, at: NOW + 1 },
      ]);
      expect(await metadata().events.last()).toBe(kept[1]?.position);
      expect(await metadata().events.after(kept[0]?.position, 10)).toEqual([kept[1]]);
      expect(await metadata().events.after(before, 1)).toEqual([kept[0]]);
    });

    it('forgets what a failed transaction appended', async () => {
      const kept = await fresh(() =>
        write(metadata(), async ({ events }) => {
          await events.append(sample(), NOW);
          throw new Error('the change did not happen');
        }).catch(() => {}),
      );
      expect(kept).toEqual([]);
    });

    it('gives every event one position, and each subject its order, while many append and sequence at once', async () => {
      const subjects = Array.from({ length: 8 }, newId);
      const kept = await fresh(async () => {
        const appending = subjects.map(async (subject) => {
          for (let step = 0; step < 25; step++) await append(sample({ subject, data: { step } }));
        });
        const sequencing = Array.from({ length: 3 }, async () => {
          for (let round = 0; round < 15; round++) {
            await write(metadata(), ({ events }) => events.sequence(7));
          }
        });
        await Promise.all([...appending, ...sequencing]);
      });
      expect(kept).toHaveLength(subjects.length * 25);
      for (const subject of subjects) {
        const steps = kept.filter((event) => event.subject === subject).map(({ data }) => data.step);
        expect(steps).toEqual(Array.from({ length: 25 }, (_, step) => step));
      }
    });

    it('never shows a reader an event before the position that it has read', async () => {
      const seen: string[] = [];
      await sequenceAll();
      let from = await metadata().events.last();
      let writing = true;
      const total = 120;
      const appending = Promise.all(
        Array.from({ length: 6 }, async () => {
          for (let i = 0; i < total / 6; i++) {
            await append(sample());
            await write(metadata(), ({ events }) => events.sequence(5));
          }
        }),
      ).finally(() => {
        writing = false;
      });
      while (writing || seen.length < total) {
        const page = await metadata().events.after(from, 50);
        seen.push(...page.map(({ position }) => position));
        from = page.at(-1)?.position ?? from;
        if (!writing && page.length === 0) await sequenceAll();
        await new Promise(setImmediate);
      }
      await appending;
      expect(new Set(seen).size).toBe(total);
      expect(seen.map(BigInt)).toEqual(seen.map(BigInt).toSorted((a, b) => (a < b ? -1 : 1)));
    });

    it('removes old events from the front, not past a position and not the younger', async () => {
      await sequenceAll();
      const all = await metadata().events.last();
      if (all !== undefined) await write(metadata(), ({ events }) => events.removeOld(NOW * 2, all, 1000));
      const kept = await fresh(async () => {
        for (const at of [NOW, NOW + 1, NOW + 2, NOW + 3]) await append(sample(), at);
      });
      const [first, second, third, fourth] = kept.map(({ position }) => position);
      const remove = (cutoff: number, until = fourth ?? '', limit = 100) =>
        write(metadata(), ({ events }) => events.removeOld(cutoff, until, limit));
      const before = await metadata().events.removedUntil();
      expect(await remove(NOW - 1)).toBe(0);
      expect(await metadata().events.removedUntil()).toBe(before);
      expect(await remove(NOW + 3, second, 1)).toBe(1);
      expect(await remove(NOW + 3, second)).toBe(1);
      expect(await remove(NOW + 3, second)).toBe(0);
      expect(await remove(NOW + 2)).toBe(1);
      const left = await metadata().events.after(undefined, 10);
      expect(left.map(({ position }) => position)).toEqual([fourth]);
      expect(await metadata().events.removedUntil()).toBe(third);
      expect([first, third]).not.toContain(undefined);
    });
  });
}
