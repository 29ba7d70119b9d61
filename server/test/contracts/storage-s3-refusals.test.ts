import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { freePort } from '#test/services/ports.ts';
import { S3Proxy } from '#test/services/s3-proxy.ts';
import { cosRules } from '#test/services/s3-proxy-cos.ts';
import { ossRules } from '#test/services/s3-proxy-oss.ts';
import { withService } from '#test/services/shared.ts';
import { keysOf, MIB, randomBytes, refused, sourceOf } from './storage-fixtures.ts';
import { cephSettings, driverFor, loopbackLookup, newBucket, proxyTo } from './storage-s3-subject.ts';

const HOUR_MS = 3_600_000;
const key = { accessKeyId: 'VENDORKEY', secretAccessKey: 'VENDORSECRET' };

/** Every call there is, by name. */
function callsOf(driver: StorageDriver): Record<string, () => Promise<unknown>> {
  return {
    'put of few bytes': () => driver.put('a', sourceOf(randomBytes(10))),
    'put of a stream': () => driver.put('a', sourceOf(randomBytes(MIB))),
    'put in parts': () => driver.put('a', sourceOf(randomBytes(9 * MIB), { size: undefined })),
    open: () => driver.open('a'),
    stat: () => driver.stat('a'),
    delete: () => driver.delete('a'),
    list: () => keysOf(driver),
    compose: () => driver.compose?.('b', ['a', 'a']) ?? Promise.resolve(),
    sweep: () => driver.sweep?.(new Date()) ?? Promise.resolve(),
  };
}

await withService('ceph-rgw', async (access) => {
  const bucket = await newBucket(access);
  const settings = cephSettings(access, bucket);

  describe('what a wrong setting leads to', () => {
    const drivers: StorageDriver[] = [];
    const opened = (...call: Parameters<typeof driverFor>): StorageDriver => {
      const driver = driverFor(...call);
      drivers.push(driver);
      return driver;
    };
    afterEach(async () => {
      vi.useRealTimers();
      for (const driver of drivers.splice(0)) await driver.close();
    });
    const expectNothingSaid = (message: string): void => {
      for (const secret of [bucket, settings.accessKeyId, settings.secretAccessKey, access.endpoint]) {
        expect(message).not.toContain(secret);
      }
    };

    test.each([
      ['an unknown key id', { accessKeyId: 'NOBODY' }],
      ['a wrong secret', { secretAccessKey: 'WRONG' }],
    ])('%s: PermissionDenied on every call', async (_name, wrong) => {
      for (const call of Object.values(callsOf(opened({ ...settings, ...wrong })))) {
        const error = await refused('PermissionDenied', call());
        expect(error.retryable).toBe(false);
        expectNothingSaid(error.message);
      }
    });

    test('a bucket that is missing: said as such on every call, never NotFound', async () => {
      const driver = opened({ ...settings, bucket: 'osproxy-absent' });
      for (const call of Object.values(callsOf(driver))) {
        const error = await refused('Unavailable', call());
        expect(error.retryable).toBe(false);
        expect(error.message).toContain('"bucket"');
        expect(error.cause).toBeDefined();
      }
    });

    test.each([HOUR_MS, -HOUR_MS])('a clock that is off by %i ms: named on every call', async (off) => {
      const driver = opened(settings);
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + off });
      for (const call of Object.values(callsOf(driver))) {
        const error = await refused('PermissionDenied', call());
        expect(error.message).toContain('clock');
      }
      vi.useRealTimers();
      await driver.put('again', sourceOf(randomBytes(1)));
    });

    test('nobody listens, or the name is unknown: Unavailable, worth another try', async () => {
      const refusing = `http://127.0.0.1:${await freePort()}`;
      const driver = opened({ ...settings, endpoint: refusing });
      for (const call of Object.values(callsOf(driver))) {
        const error = await refused('Unavailable', call());
        expect(error.retryable).toBe(true);
        expect(error.message).not.toContain('127.0.0.1');
      }
      const lost = opened(settings, {
        endpoint: 'http://nowhere.invalid:80',
        lookup: (name, _options, answer) =>
          answer(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), ''),
      });
      expect((await refused('Unavailable', lost.stat('a'))).retryable).toBe(true);
    });

    test('somebody listens and is silent: Unavailable after the time', async () => {
      const server = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      const timeouts = { connectMs: 200, firstByteMs: 200, idleMs: 200 };
      const driver = opened(settings, { endpoint: `http://127.0.0.1:${port}`, timeouts });
      const startedAt = performance.now();
      await refused('Unavailable', driver.stat('a'));
      await refused('Unavailable', driver.open('a'));
      await refused('Unavailable', driver.put('a', sourceOf(randomBytes(MIB))));
      expect(performance.now() - startedAt).toBeLessThan(3000);
      await driver.close();
      server.close();
    });

    test('the wrong vendor: said as such', async () => {
      for (const rules of [ossRules, cosRules]) {
        const proxy = await S3Proxy.start(proxyTo(access, rules, key));
        const generic = { vendor: 'generic', endpoint: proxy.endpoint, bucket, ...key } as const;
        const driver = opened(generic, { lookup: loopbackLookup });
        const error = await refused('Unavailable', driver.open('a'));
        expect(error.retryable).toBe(false);
        expect(error.message).toContain('"vendor"');
        await driver.close();
        await proxy.stop();
      }
    });
  });
});
