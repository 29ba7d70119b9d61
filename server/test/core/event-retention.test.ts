import { afterEach, describe, expect, it } from 'vitest';
import type { SinkState } from '#core/model/sink.ts';
import { HOUR_MS, openRig, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function append(count: number): Promise<void> {
  await rig.metadata.transaction(async ({ events }) => {
    for (let i = 0; i < count; i++)
      await events.append({ type: 'file.ready', subject: 's', data: {} }, rig.clock.now());
  });
  await rig.metadata.transaction(({ events }) => events.sequence(count));
}

function save(name: string, position: string | undefined, state: SinkState = 'active'): Promise<void> {
  return rig.metadata.transaction(async ({ sinks }) => {
    const sink = await sinks.take(name, undefined, 1, rig.clock.now());
    await sinks.save({ ...sink, position, state, updatedAt: rig.clock.now() });
  });
}

const kept = async () => (await rig.metadata.events.after(undefined, 100)).map(({ position }) => position);

describe('retention of events', () => {
  it('removes them after their time, without any sink, and never one that is younger', async () => {
    rig = await openRig();
    await append(3);
    rig.clock.offset += 12 * HOUR_MS;
    await append(2);
    await rig.purge();
    expect(await kept()).toHaveLength(5);
    rig.clock.offset += 13 * HOUR_MS;
    await rig.purge();
    expect(await kept()).toEqual(['4', '5']);
    rig.clock.offset += 24 * HOUR_MS;
    await rig.purge();
    expect(await kept()).toEqual([]);
    expect(await rig.metadata.events.removedUntil()).toBe('5');
    expect(await rig.metadata.events.last()).toBe('5');
    await append(1);
    expect(await kept()).toEqual(['6']);
  });

  it('keeps what a sink has not taken, and does not wait for one that is disabled', async () => {
    rig = await openRig({ sinks: ['slow', 'off'] });
    await append(5);
    rig.clock.offset += 48 * HOUR_MS;
    await save('slow', '3', 'failing');
    await save('off', '1', 'disabled');
    await rig.purge();
    expect(await kept()).toEqual(['4', '5']);
    await save('slow', undefined, 'active');
    await rig.purge();
    expect(await kept()).toEqual(['4', '5']);
    await save('slow', '3', 'disabled');
    await rig.purge();
    expect(await kept()).toEqual([]);
  });

  it('forgets a sink that is configured nowhere after a day, with what it did not take', async () => {
    rig = await openRig({ sinks: ['known'] });
    await append(2);
    await save('known', '0');
    await save('former', '0');
    await rig.metadata.transaction(async ({ sinks, events }) => {
      const [event] = await events.after(undefined, 1);
      if (event === undefined) throw new Error('there is no event');
      const delivery = { sink: 'former', event, attempts: 1, nextAt: undefined, reason: 'r' } as const;
      await sinks.putDelivery({ ...delivery, state: 'parked' });
    });
    rig.clock.offset += 23 * HOUR_MS;
    await rig.purge();
    expect(await rig.metadata.sinks.find('former')).toBeDefined();
    rig.clock.offset += 2 * HOUR_MS;
    await rig.purge();
    expect(await rig.metadata.sinks.find('former')).toBeUndefined();
    expect(await rig.metadata.sinks.counts()).toEqual([]);
    expect(await rig.metadata.sinks.find('known')).toBeDefined();
    expect((await rig.fsck()).findings).toEqual([]);
  });
});
