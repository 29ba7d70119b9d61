import { describe, expect, it } from 'vitest';
import type { Metadata } from '#core/ports/metadata.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, write } from './metadata-samples.ts';

const TTL = 1000;

export function coordinationContract({ metadata, openAnother }: Fixture): void {
  const acquire = (holder: string, now: number, on: Metadata = metadata()) =>
    write(on, ({ coordination }) => coordination.acquireLease('worker/1', holder, now, TTL));
  const held = async (holder: string, now: number) => {
    const lease = await acquire(holder, now);
    if (lease === undefined) throw new Error('The lease is taken.');
    return lease;
  };

  describe('leases', () => {
    it('gives a lease to one holder until it ends, then with a higher fence and the value left', async () => {
      const a = await held('a', NOW);
      expect(a).toMatchObject({ name: 'worker/1', holder: 'a', expiresAt: NOW + TTL, value: 0 });
      expect(await acquire('b', NOW + TTL - 1)).toBeUndefined();
      const renewed = await write(metadata(), ({ coordination }) =>
        coordination.renewLease(a, NOW + 500, TTL, 42),
      );
      expect(renewed).toEqual({ ...a, expiresAt: NOW + 1500, value: 42 });
      expect(await acquire('b', NOW + TTL)).toBeUndefined();
      const b = await held('b', NOW + 1500);
      expect(b.fence).toBeGreaterThan(a.fence);
      expect(b.value).toBe(42);
      const late = await write(metadata(), ({ coordination }) =>
        coordination.renewLease(a, NOW + 1501, TTL, 7),
      );
      expect(late).toBeUndefined();
      await write(metadata(), ({ coordination }) => coordination.releaseLease(a, 7));
      expect(await acquire('c', NOW + 1502)).toBeUndefined();
      await write(metadata(), ({ coordination }) => coordination.releaseLease(b, 43));
      const c = await held('c', NOW + 1503);
      expect(c.value).toBe(43);
      expect(c.fence).toBeGreaterThan(b.fence);
    });

    it('cannot renew what it released, and gets a higher fence after its own lease has ended', async () => {
      const first = await held('a', NOW);
      await write(metadata(), ({ coordination }) => coordination.releaseLease(first, 1));
      const renewed = await write(metadata(), ({ coordination }) =>
        coordination.renewLease(first, NOW, TTL, 2),
      );
      expect(renewed).toBeUndefined();
      const second = await held('a', NOW + 1);
      const third = await held('a', NOW + 5 * TTL);
      expect(second.fence).toBeGreaterThan(first.fence);
      expect(third.fence).toBeGreaterThan(second.fence);
    });

    it('has one winner when many ask at once, in two processes', async () => {
      const other = await openAnother();
      const asked = Array.from({ length: 30 }, (_, i) =>
        acquire(`h${i}`, NOW, i % 2 === 0 ? metadata() : other),
      );
      expect((await Promise.all(asked)).filter((lease) => lease !== undefined)).toHaveLength(1);
    });
  });

  describe('nodes and messages', () => {
    it('keeps nodes until they leave or fall silent', async () => {
      const node = (id: string, heartbeatAt: number) => ({
        id,
        address: 'http://127.0.0.1:1',
        version: '1.0',
        startedAt: NOW,
        heartbeatAt,
      });
      const status = {
        load: { transfers: 3, tasks: 1, eventLoopDelayMs: 10.5 },
        stores: [
          { name: 'local', nodeLocal: true, failure: 'Unavailable' },
          { name: 'архив 库 é', nodeLocal: false },
        ],
        leads: { fence: 7, until: NOW + 9 },
      };
      await write(metadata(), async ({ coordination }) => {
        await coordination.heartbeat(node('a', NOW));
        await coordination.heartbeat(node('b', NOW + 1));
        await coordination.heartbeat(node('c', NOW + 2));
        await coordination.heartbeat({ ...node('a', NOW + 5), version: '2.0', status });
      });
      expect(await metadata().coordination.nodes(NOW + 2)).toEqual([
        { ...node('a', NOW + 5), version: '2.0', status },
        node('c', NOW + 2),
      ]);
      expect(await write(metadata(), (r) => r.coordination.removeSilentNodes(NOW + 2))).toBe(1);
      await write(metadata(), (r) => r.coordination.leave('c'));
      expect((await metadata().coordination.nodes(0)).map((each) => each.id)).toEqual(['a']);
    });

    it('numbers messages in ascending order and never twice', async () => {
      const { coordination } = metadata();
      expect(await coordination.lastMessageId()).toBe(0);
      const publish = (message: string, at: number) =>
        write(metadata(), (r) => r.coordination.publish('topic', message, at));
      for (let i = 0; i < 5; i++) await publish(`m${i} 😀`, NOW + i);
      const all = await coordination.messages(0, 10);
      expect(all.map((each) => each.message)).toEqual([0, 1, 2, 3, 4].map((i) => `m${i} 😀`));
      const last = await coordination.lastMessageId();
      expect(last).toBe(all.at(-1)?.id);
      expect(await coordination.messages(all[2]?.id ?? 0, 1)).toEqual([all[3]]);
      expect(await write(metadata(), (r) => r.coordination.removeMessages(NOW + 1, 10))).toBe(2);
      expect(await write(metadata(), (r) => r.coordination.removeMessages(NOW + 9, 10))).toBe(3);
      await publish('next', NOW);
      expect((await coordination.messages(last, 10)).map((each) => each.message)).toEqual(['next']);
    });
  });
}
