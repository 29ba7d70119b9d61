import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService } from '#test/e2e/service.ts';
import { type RedisServer, startRedis } from '#test/services/redis.ts';
import { withService } from '#test/services/shared.ts';
import { settles } from './probe.ts';
import { changes, type RedisNodes, startNodes, traffic } from './redis-nodes.ts';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** The database is asked every half second, on a slow machine; an entry that nobody drops would be served for five. */
const AT_ONCE_MS = 2000;
/** One timeout of Redis, a slow machine, and nothing like one timeout after the other. */
const SLOWEST_MS = 3000;

// Asked for first, so that where no Redis can be had the reason is told once.
await withService('redis-server', () => {
  let redis: RedisServer;
  let nodes: RedisNodes;
  let uids: string[];

  beforeAll(async () => {
    redis = await startRedis();
    nodes = await startNodes(redis.url);
    uids = [];
    for (let i = 0; i < 20; i += 1) uids.push((await nodes.a.rest.put(`steady-${i}`, 'x'.repeat(2000))).uid);
  });
  afterAll(async () => {
    await nodes?.close();
    await redis?.stop();
  });

  const healthy = { http: 200, status: 'ok', redis: true, up: 1 };
  const degraded = { http: 200, status: 'degraded', redis: false, up: 0 };
  const becomes = (wanted: typeof healthy) =>
    settles(10_000, async () => {
      const health = await nodes.health();
      const all = health.every((one) => JSON.stringify(one) === JSON.stringify(wanted));
      return all ? undefined : JSON.stringify(health);
    });
  /** Changes are known at once, and all the while nobody is refused or waits long. */
  async function holdsWhile(what: string, fault: () => Promise<void> | void): Promise<void> {
    const end = traffic(nodes, uids);
    await sleep(300);
    await fault();
    const first = await changes(nodes);
    await sleep(500);
    const then = await changes(nodes);
    const { wrong, requests, slowestMs } = await end();
    const ms = [first, then].flatMap((seen) => [seen.deletedAfterMs, seen.renamedAfterMs]).map(Math.round);
    console.log(
      `${what}: changes were seen after ${ms} ms; ${requests} requests, slowest ${Math.round(slowestMs)} ms`,
    );
    expect(wrong).toEqual([]);
    expect(Math.max(...ms)).toBeLessThan(AT_ONCE_MS);
    expect(slowestMs).toBeLessThan(SLOWEST_MS);
  }

  test('with Redis, what one node changes the other knows at once', async () => {
    await becomes(healthy);
    await holdsWhile('Redis up', () => {});
    expect(await redis.command('DBSIZE')).not.toBe('0');
  });

  test('killed in the middle: no error, no wait, degraded but ready', async () => {
    await holdsWhile('Redis killed', () => redis.kill());
    await becomes(degraded);
  });

  test('started again without its memory: used again by itself', async () => {
    await holdsWhile('Redis restarted', () => redis.start());
    await becomes(healthy);
    await holdsWhile('Redis back', () => {});
  });

  test('frozen, its connections open: no error, no wait for each request', async () => {
    await holdsWhile('Redis frozen', () => redis.freeze());
    await becomes(degraded);
    await holdsWhile('Redis still frozen', () => {});
  });

  test('thawed: what was sent to it before does no harm', async () => {
    await holdsWhile('Redis thawed', () => redis.thaw());
    await becomes(healthy);
  });

  test('all its data removed, and lost and back in quick turns', { timeout: 60_000 }, async () => {
    await holdsWhile('Redis emptied', async () => void (await redis.command('FLUSHALL')));
    for (let turn = 0; turn < 3; turn += 1) {
      await holdsWhile(`turn ${turn}, frozen briefly`, async () => {
        redis.freeze();
        await sleep(400);
        redis.thaw();
      });
      await holdsWhile(`turn ${turn}, killed briefly`, async () => {
        await redis.kill();
        await redis.start();
      });
    }
    await becomes(healthy);
  });

  test('says once that it was lost and once that it is back, and never why a request failed for it', () => {
    const said = (text: string) => nodes.b.service.lines.filter((line) => line.includes(text)).length;
    expect(said('Redis was lost')).toBeGreaterThan(0);
    expect(said('Redis answers again')).toBeGreaterThan(0);
    expect(said('"level":50') + said('"level":60')).toBe(0);
  });
});

const STARTS: readonly (readonly [string, string, (port: number) => string])[] = [
  ['not reachable', 'nothing listens at redis.url', () => 'redis://user:s3cret-word@127.0.0.1:1'],
  [
    'with a wrong password',
    'it refuses the user or password of redis.url',
    (port) => `redis://:s3cret-word@127.0.0.1:${port}`,
  ],
  [
    'without the password it wants',
    'it wants a password and redis.url has none',
    (port) => `redis://127.0.0.1:${port}`,
  ],
];

await withService('redis-server', () => {
  test.each(STARTS)(
    'a Redis that is %s at the start: the service starts and says: %s',
    async (_how, sentence, url) => {
      const locked = await startRedis('--requirepass', 'the right one');
      const service = await startService({ env: { OSPROXY_REDIS_URL: url(locked.port) } });
      try {
        const log = service.lines.join('\n');
        expect(log).toContain(`Redis cannot be used: ${sentence}.`);
        expect(log).not.toContain('s3cret-word');
        const readiness = await fetch(`${service.url}/readyz`);
        expect([readiness.status, (await readiness.json()) as object]).toMatchObject([
          200,
          { status: 'degraded' },
        ]);
      } finally {
        await service.close();
        await locked.stop();
      }
    },
  );
});

test.each([
  ['http://127.0.0.1', /redis\.url with the scheme "http" is not an address of Redis; it must look like/],
  ['redis://:s3cret-word@h/x', /redis\.url has the database "x"; it must be a number/],
])('a wrong URL stops the start with one sentence: %s', async (url, sentence) => {
  const failure = await startService({ env: { OSPROXY_REDIS_URL: url } }).then(
    async (service) => {
      await service.close();
      return 'it started';
    },
    (error: Error) => error.message,
  );
  expect(failure).toMatch(sentence);
  expect(failure).not.toContain('s3cret-word');
});

await withService('redis-server', () => {
  test('doctor tries Redis too and says what is wrong with it', async () => {
    const redis = await startRedis();
    const dataDir = await mkdtemp(join(tmpdir(), 'osproxy-redis-doctor-'));
    const diagnose = async () => {
      const env = { PATH: process.env.PATH, OSPROXY_DATA_DIR: dataDir, OSPROXY_REDIS_URL: redis.url };
      const asked = run(process.execPath, [MAIN, 'doctor'], { cwd: dataDir, env });
      return asked.then(
        ({ stdout }) => stdout,
        ({ stdout }: { stdout: string }) => stdout,
      );
    };
    try {
      expect(await diagnose()).toMatch(/redis\s+.*single, answers in \d+ ms/);
      await redis.kill();
      expect(await diagnose()).toMatch(/Redis does not answer\. \(nothing listens at redis\.url\)/);
    } finally {
      await redis.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
