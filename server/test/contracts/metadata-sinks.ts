import { describe, expect, it } from 'vitest';
import type { EventRecord } from '#core/model/event.ts';
import type { DeliveryRecord, SinkRecord } from '#core/model/sink.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, write } from './metadata-samples.ts';

export function sinksContract({ metadata, openAnother }: Fixture): void {
  const event = (position: string, subject = 'a'): EventRecord => ({
    position,
    type: 'file.ready',
    subject,
    owner: 'Zoë',
    data: { name: '報告.pdf' },
    at: NOW,
  });
  const waiting = (sink: string, position: string, values: Partial<DeliveryRecord> = {}): DeliveryRecord => ({
    sink,
    event: event(position),
    state: 'waiting',
    attempts: 1,
    nextAt: NOW,
    reason: 'the receiver answered 500',
    ...values,
  });
  const take = (name: string, fence = 1, position: string | undefined = '7') =>
    write(metadata(), ({ sinks }) => sinks.take(name, position, fence, NOW));
  const put = (...deliveries: readonly DeliveryRecord[]) =>
    write(metadata(), async ({ sinks }) => {
      for (const delivery of deliveries) await sinks.putDelivery(delivery);
    });
  const positions = (list: readonly DeliveryRecord[]) => list.map((one) => one.event.position);
  const listed = async (sink: string, state: 'waiting' | 'parked') =>
    positions(await metadata().sinks.deliveries(sink, state, undefined, 100));

  describe('sinks', () => {
    it('are made where they begin, and keep what is saved', async () => {
      const [first, second] = [`b-${newId()}`, `a-${newId()}`];
      expect(await metadata().sinks.find(first)).toBeUndefined();
      const fresh = await take(first);
      expect(fresh).toEqual({
        ...{ name: first, position: '7', state: 'active', reason: undefined, failingSince: undefined },
        ...{ retryAt: undefined, updatedAt: NOW },
      });
      await write(metadata(), ({ sinks }) => sinks.take(second, undefined, 1, NOW));
      const saved: SinkRecord = {
        ...{
          name: first,
          position: '9007199254740993',
          state: 'failing',
          reason: 'weg: 断',
          failingSince: NOW,
        },
        ...{ retryAt: NOW + 5, updatedAt: NOW + 1 },
      };
      await write(metadata(), ({ sinks }) => sinks.save(saved));
      expect(await metadata().sinks.find(first)).toEqual(saved);
      expect(await write(metadata(), ({ sinks }) => sinks.lock(first))).toEqual(saved);
      expect(await write(metadata(), ({ sinks }) => sinks.lock('nobody'))).toBeUndefined();
      const names = (await metadata().sinks.list()).map(({ name }) => name);
      expect(names.filter((name) => name === first || name === second)).toEqual([second, first]);
      expect((await metadata().sinks.find(second))?.position).toBeUndefined();
    });

    it('belong to the highest fence, and keep their position when they change hands', async () => {
      const name = newId();
      await take(name, 3, '5');
      expect(await take(name, 4, '99')).toMatchObject({ position: '5' });
      await expect(take(name, 3, '5')).rejects.toMatchObject({ code: 'Conflict' });
      expect(await write(metadata(), ({ sinks }) => sinks.holds(name, 3))).toBe(false);
      expect(await write(metadata(), ({ sinks }) => sinks.holds(name, 4))).toBe(true);
      expect(await write(metadata(), ({ sinks }) => sinks.holds('nobody', 4))).toBe(false);
    });

    it('are taken by one of several who ask at once', async () => {
      const name = newId();
      const other = await openAnother();
      const answers = await Promise.allSettled(
        [metadata(), other, metadata(), other].map((one, index) =>
          write(one, ({ sinks }) => sinks.take(name, '1', index + 1, NOW)),
        ),
      );
      expect(answers[3]?.status).toBe('fulfilled');
      expect(await write(metadata(), ({ sinks }) => sinks.holds(name, 4))).toBe(true);
    });

    it('have deliveries that keep every field, in the order of their events', async () => {
      const sink = newId();
      const far = waiting(sink, '9007199254740993', { event: event('9007199254740993', 'b') });
      const bare = waiting(sink, '12', {
        event: { ...event('12'), owner: undefined, data: {} },
        ...{ attempts: 0, nextAt: undefined, reason: undefined },
      });
      await put(far, bare, waiting(sink, '11'));
      const all = await metadata().sinks.deliveries(sink, 'waiting', undefined, 100);
      expect(all).toEqual([waiting(sink, '11'), bare, far]);
      expect(positions(await metadata().sinks.deliveries(sink, 'waiting', '11', 1))).toEqual(['12']);
      expect(await listed(sink, 'parked')).toEqual([]);
      const later = { ...bare, attempts: 4, nextAt: NOW + 9, reason: 'r' };
      await put(later);
      expect((await metadata().sinks.deliveries(sink, 'waiting', '11', 1))[0]).toEqual(later);
    });

    it('say what is due, when the next is, and whose subject waits', async () => {
      const sink = newId();
      expect(await metadata().sinks.nextDue(sink)).toBeUndefined();
      await put(
        waiting(sink, '1', { nextAt: NOW + 20 }),
        waiting(sink, '2', { nextAt: NOW + 10, event: event('2', 'b') }),
        waiting(sink, '3', { nextAt: undefined }),
        waiting(sink, '4', { nextAt: undefined, state: 'parked', event: event('4', 'c') }),
        waiting(newId(), '5', { nextAt: NOW - 5 }),
      );
      expect(await metadata().sinks.nextDue(sink)).toBe(NOW + 10);
      expect(await metadata().sinks.due(sink, NOW + 9, 10)).toEqual([]);
      expect(positions(await metadata().sinks.due(sink, NOW + 20, 10))).toEqual(['2', '1']);
      expect(positions(await metadata().sinks.due(sink, NOW + 20, 1))).toEqual(['2']);
      const blocked = await metadata().sinks.blocked(sink, ['a', 'b', 'c', 'd']);
      expect([...blocked].sort()).toEqual(['a', 'b']);
      expect(await metadata().sinks.blocked(sink, [])).toEqual(new Set());
    });

    it('let the next of a subject go on when the one before it has ended or is parked', async () => {
      const sink = newId();
      const later = { nextAt: undefined, attempts: 0, reason: undefined };
      await put(waiting(sink, '1'), waiting(sink, '2', later), waiting(sink, '3', later));
      const [first] = await metadata().sinks.deliveries(sink, 'waiting', undefined, 1);
      if (first === undefined) throw new Error('nothing waits');
      await write(metadata(), ({ sinks }) => sinks.endDelivery(first, NOW + 1));
      expect(positions(await metadata().sinks.due(sink, NOW + 1, 10))).toEqual(['2']);
      const [second] = await metadata().sinks.due(sink, NOW + 1, 10);
      if (second === undefined) throw new Error('nothing is due');
      await write(metadata(), ({ sinks }) =>
        sinks.park({ ...second, attempts: 9, reason: 'poison' }, NOW + 2),
      );
      expect(positions(await metadata().sinks.due(sink, NOW + 2, 10))).toEqual(['3']);
      expect(await metadata().sinks.deliveries(sink, 'parked', undefined, 10)).toMatchObject([
        { attempts: 9, reason: 'poison', state: 'parked', event: { position: '2' } },
      ]);
    });

    it('take parked ones up again or forget them, those that are named or all', async () => {
      const sink = newId();
      const parked = ['1', '2', '3', '4'].map((one) =>
        waiting(sink, one, { state: 'parked', nextAt: undefined }),
      );
      await put(...parked, waiting(sink, '9', { nextAt: NOW + 100, event: event('9', 'z') }));
      const counted = async () =>
        (await metadata().sinks.counts())
          .filter((one) => one.sink === sink)
          .map((one) => [one.state, one.count]);
      expect((await counted()).sort()).toEqual([
        ['parked', 4],
        ['waiting', 1],
      ]);
      const redrive = (chosen?: readonly string[]) =>
        write(metadata(), ({ sinks }) => sinks.redrive(sink, chosen, NOW));
      const discard = (chosen?: readonly string[]) =>
        write(metadata(), ({ sinks }) => sinks.discard(sink, chosen));
      expect(await redrive(['2', '9', '77'])).toBe(1);
      expect(await metadata().sinks.due(sink, NOW, 10)).toMatchObject([
        { event: { position: '2' }, attempts: 0, reason: undefined },
      ]);
      expect(await discard(['1', '9'])).toBe(1);
      expect(await listed(sink, 'parked')).toEqual(['3', '4']);
      expect(await redrive()).toBe(2);
      expect(await discard()).toBe(0);
      expect(await listed(sink, 'waiting')).toEqual(['2', '3', '4', '9']);
    });

    it('are forgotten with their deliveries, and no others', async () => {
      const [sink, other] = [newId(), newId()];
      await take(sink);
      await take(other);
      await put(waiting(sink, '1'), waiting(other, '1'));
      await write(metadata(), ({ sinks }) => sinks.remove(sink));
      expect(await metadata().sinks.find(sink)).toBeUndefined();
      expect(await listed(sink, 'waiting')).toEqual([]);
      expect(await metadata().sinks.find(other)).toBeDefined();
      expect(await listed(other, 'waiting')).toEqual(['1']);
    });
  });
}
