import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NodeRecord } from '#core/model/lease.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';

export interface TestCoordination {
  /** One more process that takes part, with this clock. */
  join(clock: Clock): Promise<Coordinator>;
  /** Ends all that joined. */
  remove(): Promise<void>;
}

const START = 1_700_000_000_000;

/** The promises of the coordinator port; call it with a function that sets up what processes share. */
export function coordinatorContract(name: string, create: () => Promise<TestCoordination>): void {
  describe(`coordinator contract: ${name}`, () => {
    let shared: TestCoordination;
    let one: Coordinator;
    let two: Coordinator;
    let now: number;

    beforeEach(async () => {
      now = START;
      const clock = { now: () => now };
      shared = await create();
      one = await shared.join(clock);
      two = await shared.join(clock);
    });
    afterEach(() => shared.remove());

    const node = (id: string, heartbeatAt: number): NodeRecord => ({
      id,
      address: 'http://127.0.0.1:1',
      version: '1.0',
      startedAt: START,
      heartbeatAt,
    });

    it('lets one hold a lease at a time, with growing fences and a value that stays', async () => {
      const first = await one.acquire('schedule', 'a', 1000);
      if (first === undefined) throw new Error('The lease is taken.');
      expect(first).toMatchObject({ name: 'schedule', holder: 'a', expiresAt: START + 1000, value: 0 });
      expect(await two.acquire('schedule', 'b', 1000)).toBeUndefined();
      expect(await two.acquire('other', 'b', 1000)).toBeDefined();
      now += 500;
      const renewed = await one.renew(first, 1000, 7);
      expect(renewed).toEqual({ ...first, expiresAt: START + 1500, value: 7 });
      now += 1001;
      const second = await two.acquire('schedule', 'b', 1000);
      expect(second?.fence).toBeGreaterThan(first.fence);
      expect(second?.value).toBe(7);
      expect(await one.renew(first, 1000)).toBeUndefined();
    });

    it('ends a lease at once on release, and leaves a lost one alone', async () => {
      const first = await one.acquire('schedule', 'a', 1000);
      if (first === undefined) throw new Error('The lease is taken.');
      await one.release(first, 9);
      const second = await two.acquire('schedule', 'b', 1000);
      expect(second).toMatchObject({ holder: 'b', value: 9 });
      await one.release(first, 1);
      expect(await one.acquire('schedule', 'a', 1000)).toBeUndefined();
      if (second === undefined) throw new Error('The lease is taken.');
      expect((await two.renew(second, 1000))?.value).toBe(9);
    });

    it('has one winner of a race', async () => {
      const race = Array.from({ length: 20 }, (_, i) =>
        (i % 2 === 0 ? one : two).acquire('r', `h${i}`, 1000),
      );
      expect((await Promise.all(race)).filter((lease) => lease !== undefined)).toHaveLength(1);
    });

    it('knows the nodes that were heard of lately', async () => {
      await one.heartbeat(node('a', now));
      now += 1000;
      await two.heartbeat(node('b', now));
      const ids = async (maxAgeMs: number) => (await one.nodes(maxAgeMs)).map((each) => each.id).sort();
      expect(await ids(1000)).toEqual(['a', 'b']);
      expect(await ids(999)).toEqual(['b']);
      await one.heartbeat(node('a', now));
      expect(await two.nodes(0)).toContainEqual(node('a', now));
      await two.leave('a');
      expect(await ids(1000)).toEqual(['b']);
    });

    it('tells subscribers of a topic in every process', async () => {
      const heard: string[] = [];
      one.subscribe('files', (message) => heard.push(`one ${message}`));
      two.subscribe('files', (message) => heard.push(`two ${message}`));
      two.subscribe('links', (message) => heard.push(`links ${message}`));
      await one.publish('files', '报告 😀 "x"');
      expect(heard).toContain('one 报告 😀 "x"');
      await vi.waitFor(() => expect(heard).toContain('two 报告 😀 "x"'), { timeout: 3000 });
      await two.publish('files', 'back');
      await vi.waitFor(() => expect(heard).toContain('one back'), { timeout: 3000 });
      expect(heard.filter((line) => line.startsWith('links'))).toEqual([]);
    });

    it('delivers in order, many messages, also when a subscriber throws', async () => {
      const heard: string[] = [];
      two.subscribe('many', () => {
        throw new Error('a subscriber fails');
      });
      two.subscribe('many', (message) => heard.push(message));
      const sent = Array.from({ length: 1200 }, (_, i) => String(i));
      for (const message of sent) await one.publish('many', message);
      await vi.waitFor(() => expect(heard).toHaveLength(sent.length), { timeout: 5000 });
      expect(heard).toEqual(sent);
    });

    it('stops telling those who unsubscribed', async () => {
      const heard: string[] = [];
      const leaveOne = one.subscribe('t', (message) => heard.push(`one ${message}`));
      const leaveTwo = two.subscribe('t', (message) => heard.push(`two ${message}`));
      const stay = two.subscribe('t', (message) => heard.push(`stay ${message}`));
      leaveOne();
      leaveTwo();
      leaveTwo();
      await one.publish('t', 'm');
      await vi.waitFor(() => expect(heard).toEqual(['stay m']), { timeout: 3000 });
      stay();
      await one.publish('t', 'n');
      await sleep(1200);
      expect(heard).toEqual(['stay m']);
    });

    it('tells a new subscriber nothing from before, and ends subscriptions on close', async () => {
      const heard: string[] = [];
      await one.publish('t', 'before');
      two.subscribe('t', (message) => heard.push(message));
      await sleep(50);
      await one.publish('t', 'after');
      await vi.waitFor(() => expect(heard).toEqual(['after']), { timeout: 3000 });
      await two.close();
      await one.publish('t', 'closed');
      await sleep(1200);
      expect(heard).toEqual(['after']);
    });
  });
}
