import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '#core/ports/clock.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { RedisCoordinator } from '#drivers/coordinator/redis.ts';
import type { RedisLink } from '#drivers/redis/redis-link.ts';
import { recordingLogger, temporaryDatabase } from '#test/contracts/metadata-temporary.ts';
import { openLink } from '#test/contracts/redis-subject.ts';
import { ownPrefix, type RedisServer, startRedis } from '#test/services/redis.ts';
import { withService } from '#test/services/shared.ts';

await withService('redis-server', () => {
  let redis: RedisServer;
  let stored: Awaited<ReturnType<typeof temporaryDatabase>>;
  let prefix: string;
  const ends: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    redis = await startRedis();
    stored = await temporaryDatabase();
    prefix = ownPrefix();
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await stored.remove();
    await redis.stop();
  });

  /** One more process; without a URL it knows only the database. */
  async function join(url?: string) {
    const logger = recordingLogger();
    const metadata: Metadata = await stored.open();
    await metadata.migrate();
    const database = new DatabaseCoordinator({ metadata, clock: systemClock, logger });
    const link = url === undefined ? undefined : await openLink(url, prefix, { timeoutMs: 200 });
    const coordinator =
      link === undefined ? database : new RedisCoordinator({ link, database, clock: systemClock, logger });
    ends.push(async () => {
      await coordinator.close();
      await link?.close();
      await metadata.close();
    });
    return { coordinator, link: link as RedisLink };
  }

  const node = (id: string) => ({
    id,
    address: 'http://127.0.0.1:1',
    version: '1',
    startedAt: 1,
    heartbeatAt: Date.now(),
  });

  it('loses no message and delivers none twice while Redis comes and goes', { timeout: 60_000 }, async () => {
    const one = (await join(redis.url)).coordinator;
    const two = (await join(redis.url)).coordinator;
    const heard: string[] = [];
    two.subscribe('t', (message) => heard.push(message));
    const sent: string[] = [];
    const send = async (count: number) => {
      for (let i = 0; i < count; i += 1) {
        sent.push(String(sent.length));
        await one.publish('t', sent.at(-1) ?? '');
      }
    };
    await send(20);
    for (let turn = 0; turn < 2; turn += 1) {
      const sending = send(60);
      await redis.kill();
      await send(20);
      await redis.start();
      await sending;
      redis.freeze();
      await send(20);
      redis.thaw();
      await send(20);
    }
    const all = [...sent].sort();
    await vi.waitFor(() => expect([...new Set(heard)].sort()).toEqual(all), { timeout: 10_000 });
    // Late copies, from the database and from a Redis that was frozen, have had their time.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(heard).toHaveLength(sent.length);
  });

  it('reaches a node that is cut off from Redis, and one that has none', async () => {
    const one = (await join(redis.url)).coordinator;
    const cutOff = await join('redis://127.0.0.1:1');
    const without = await join();
    const heard: string[] = [];
    cutOff.coordinator.subscribe('t', (message) => heard.push(`cut off ${message}`));
    one.subscribe('t', (message) => heard.push(`one ${message}`));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await one.publish('t', 'm');
    await without.coordinator.publish('t', 'bare');
    await vi.waitFor(() => expect(heard.sort()).toEqual(['cut off bare', 'cut off m', 'one bare', 'one m']), {
      timeout: 3000,
    });
  });

  it('knows every node that either of the two has heard of', async () => {
    const one = await join(redis.url);
    const cutOff = await join('redis://127.0.0.1:1');
    const ids = async () => (await one.coordinator.nodes(60_000)).map(({ id }) => id).sort();
    await one.coordinator.heartbeat(node('a'));
    await cutOff.coordinator.heartbeat(node('b'));
    expect(await ids()).toEqual(['a', 'b']);
    await redis.kill();
    await vi.waitFor(() => expect(one.link.up).toBe(false), { timeout: 3000 });
    expect(await ids()).toEqual(['a', 'b']);
    await one.coordinator.leave('a');
    expect(await ids()).toEqual(['b']);
  });

  it('keeps leases and their fences in the database: a Redis that forgets gives none out twice', async () => {
    const one = (await join(redis.url)).coordinator;
    const two = (await join(redis.url)).coordinator;
    const lease = await one.acquire('schedule', 'a', 60_000);
    await redis.command('FLUSHALL');
    expect(await two.acquire('schedule', 'b', 60_000)).toBeUndefined();
    await redis.kill();
    expect(await two.acquire('schedule', 'b', 60_000)).toBeUndefined();
    if (lease === undefined) throw new Error('The lease is taken.');
    await one.release(lease, 5);
    expect(await two.acquire('schedule', 'b', 60_000)).toMatchObject({ holder: 'b', value: 5 });
  });
});
