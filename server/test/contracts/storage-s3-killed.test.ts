import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { s3 } from '#drivers/storage/s3/index.ts';
import { type CephRgw, startCephRgw } from '#test/services/ceph-rgw.ts';
import { ServiceUnavailable } from '#test/services/service-unavailable.ts';
import { silentLogger } from '#test/silent-logger.ts';
import {
  expectAbsent,
  expectBytes,
  keysOf,
  MIB,
  randomBytes,
  readAll,
  refused,
  sourceOf,
} from './storage-fixtures.ts';
import { cephSettings, newBucket, openUploads, plainClient } from './storage-s3-subject.ts';

/** A cluster of its own: the others of the run are not to see their gateway die. */
describe('s3 while the gateway is killed', () => {
  let ceph: CephRgw | undefined;
  let absent: string | undefined;
  let driver: StorageDriver;
  let bucket: string;
  let killed: Promise<void> | undefined;
  const cluster = (): CephRgw => {
    if (ceph === undefined) throw new Error('No gateway is running.');
    return ceph;
  };
  beforeAll(async () => {
    try {
      ceph = await startCephRgw();
    } catch (error) {
      if (!(error instanceof ServiceUnavailable) || process.env.CI === 'true') throw error;
      absent = error.message;
      return;
    }
    bucket = await newBucket(ceph.access);
    const settings = cephSettings(ceph.access, bucket);
    const context = { nodeId: 'n', telemetry: silentTelemetry, logger: silentLogger };
    driver = await s3.create({ ...settings, partSizeMiB: 5, connectTimeoutSeconds: 1 }, context);
  }, 660_000);
  beforeEach(({ skip }) => {
    if (absent !== undefined) skip(absent);
    killed = undefined;
  });
  afterAll(async () => {
    await driver?.close();
    await ceph?.stop();
  }, 60_000);

  const kill = (): void => {
    killed ??= cluster().killGateway();
  };
  /** The gateway comes back; nothing else is done for the driver to work again. */
  const restart = async (): Promise<void> => {
    await killed;
    await cluster().startGateway();
    await found();
  };
  const found = async (): Promise<void> => {
    for (let tries = 0; tries < 200; tries += 1) {
      const error = await driver.stat('no-such-key').then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error instanceof Error && 'code' in error && error.code === 'NotFound') return;
      await sleep(50);
    }
    throw new Error('The driver did not find the gateway again.');
  };
  /** Bytes in 64 KiB chunks; at the given byte the gateway dies. */
  const killingAt = (bytes: Uint8Array, at: number, size?: number) => ({
    size,
    replayable: false,
    async *open() {
      for (let from = 0; from < bytes.length; from += 65_536) {
        if (from >= at) kill();
        await sleep(0);
        yield bytes.subarray(from, from + 65_536);
      }
    },
  });

  test.each([
    ['one request', 40 * MIB],
    ['parts', undefined],
  ])('a put in %s fails whole, and the store works again without a restart', async (name, size) => {
    const bytes = randomBytes(40 * MIB);
    const target = `put/${name === 'parts' ? 1 : 2}`;
    await refused('Unavailable', driver.put(target, killingAt(bytes, 12 * MIB, size)));
    await restart();
    await expectAbsent(driver, target);
    await driver.put(target, sourceOf(bytes));
    expectBytes(await readAll(driver, target), bytes);
  });

  test('a get throws after the bytes that came, all of them right', async () => {
    const bytes = randomBytes(60 * MIB);
    await driver.put('get', sourceOf(bytes));
    let received = 0;
    const reading = (async () => {
      for await (const chunk of (await driver.open('get')).chunks) {
        expect(Buffer.compare(chunk, bytes.subarray(received, received + chunk.length))).toBe(0);
        received += chunk.length;
        if (received > MIB) {
          kill();
          await killed;
        }
      }
    })();
    const error = await refused('Unavailable', reading);
    expect(error.retryable).toBe(true);
    expect(received).toBeLessThan(bytes.length);
    await restart();
    expectBytes(await readAll(driver, 'get'), bytes);
  });

  test('a compose fails whole or succeeds whole', async () => {
    const bodies = Array.from({ length: 12 }, () => randomBytes(8 * MIB));
    const keys = bodies.map((_body, index) => `compose/${String(index).padStart(2, '0')}`);
    for (const [index, key] of keys.entries())
      await driver.put(key, sourceOf(bodies[index] ?? randomBytes(0)));
    const joining = driver.compose?.('compose/joined', keys).then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'Unavailable' });
        return false;
      },
    );
    await sleep(30);
    kill();
    const joined = await joining;
    await restart();
    if (joined) expectBytes(await readAll(driver, 'compose/joined'), Buffer.concat(bodies));
    else expect(await keysOf(driver, 'compose/joined')).toEqual([]);
    for (const [index, key] of keys.entries())
      expectBytes(await readAll(driver, key), bodies[index] ?? randomBytes(0));
    expect(await driver.compose?.('compose/joined', keys)).toEqual({ size: 96 * MIB });
  });

  test('acknowledged puts survive kills at any time', async () => {
    const acknowledged = new Map<string, Uint8Array>();
    let running = true;
    const worker = async (name: number): Promise<void> => {
      for (let index = 0; running && index < 2000; index += 1) {
        const bytes = randomBytes(1000 * (name + 1));
        const key = `load/${name}/${index}`;
        const put = await driver.put(key, sourceOf(bytes, { replayable: false })).catch(() => undefined);
        if (put !== undefined) acknowledged.set(key, bytes);
        else await sleep(20);
      }
    };
    const workers = Array.from({ length: 6 }, (_, name) => worker(name));
    for (let round = 0; round < 2; round += 1) {
      await sleep(300);
      await cluster().killGateway();
      await sleep(100);
      await cluster().startGateway();
    }
    await sleep(300);
    running = false;
    await Promise.all(workers);
    await found();
    expect(acknowledged.size).toBeGreaterThan(20);
    for (const [key, bytes] of acknowledged) expectBytes(await readAll(driver, key), bytes);
  });

  test('while it is away calls soon fail at once with the seconds to wait', async () => {
    kill();
    await killed;
    let last = 0;
    for (let tries = 0; tries < 10; tries += 1) {
      const startedAt = performance.now();
      const error = await refused('Unavailable', driver.stat('a'));
      last = performance.now() - startedAt;
      if (error.retryAfterSeconds !== undefined) break;
    }
    expect(last).toBeLessThan(50);
    await restart();
    await driver.put('back', sourceOf(randomBytes(10)));
  });

  test('what the kills left unfinished is swept away', async () => {
    const client = plainClient(cluster().access);
    await driver.put('kept', sourceOf(randomBytes(MIB)));
    await driver.sweep?.(new Date(Date.now() + 60_000));
    expect(await openUploads(client, bucket, '')).toBe(0);
    expect((await driver.stat('kept')).size).toBe(MIB);
    client.destroy();
  });
});
