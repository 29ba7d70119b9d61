import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { openStore, type StoreSettings } from '#drivers/storage/index.ts';
import { withService } from '#test/services/shared.ts';
import { silentLogger } from '#test/silent-logger.ts';
import { keysOf, randomBytes, readAll, refused, sourceOf } from './storage-fixtures.ts';
import { cephSettings, newBucket } from './storage-s3-subject.ts';

const context = { nodeId: 'n1', telemetry: silentTelemetry, logger: silentLogger };

await withService('ceph-rgw', async (access) => {
  const bucket = await newBucket(access);
  const settings: StoreSettings = { type: 's3', ...cephSettings(access, bucket) };

  describe('an s3 store from its settings', () => {
    afterEach(() => {
      vi.unstubAllEnvs();
    });

    test('works, with everything a driver may have', async () => {
      const store = await openStore('main', { ...settings, prefix: 'works' }, context);
      expect(store.nodeLocal).toBe(false);
      const bytes = randomBytes(1000);
      await store.put('a', sourceOf(bytes));
      expect(Buffer.compare(await readAll(store, 'a'), bytes)).toBe(0);
      expect(await store.compose?.('b', ['a', 'a'])).toEqual({ size: 2000 });
      expect(await store.presign?.('a', { method: 'GET', expiresInSeconds: 60 })).toContain(
        'X-Amz-Signature',
      );
      expect(await store.sweep?.(new Date())).toBe(0);
      expect(await keysOf(store)).toEqual(['a', 'b']);
      await store.close();
    });

    test('no call leaves a listener on the signal of its caller', async () => {
      const store = await openStore('listeners', { ...settings, prefix: 'listeners' }, context);
      const { signal } = new AbortController();
      await store.put('a', sourceOf(randomBytes(300_000)), { signal });
      await store.put('b', sourceOf(randomBytes(9_000_000), { size: undefined }), { signal });
      await store.stat('a', { signal });
      await refused('NotFound', store.stat('absent', { signal }));
      await refused('NotFound', store.open('absent', undefined, { signal }));
      for await (const chunk of (await store.open('b', undefined, { signal })).chunks)
        expect(chunk).toBeDefined();
      await (await store.open('b', undefined, { signal })).close();
      for await (const item of store.list('', { signal })) expect(item.size).toBeGreaterThan(0);
      await store.compose?.('c', ['b', 'a', 'b'], { signal });
      await store.sweep?.(new Date(0), { signal });
      await store.delete('a', { signal });
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
      await store.close();
    });

    test('two stores with different prefixes in one bucket do not see each other', async () => {
      const one = await openStore('one', { ...settings, prefix: 'one' }, context);
      const two = await openStore('two', { ...settings, prefix: 'one/two' }, context);
      await one.put('a', sourceOf(randomBytes(1)));
      await refused('NotFound', two.stat('a'));
      await two.put('b', sourceOf(randomBytes(1)));
      expect(await keysOf(two)).toEqual(['b']);
      await refused('NotFound', one.stat('b'));
      await one.close();
      await two.close();
    });

    test('more calls than there are places wait for one', async () => {
      const store = await openStore('few', { ...settings, prefix: 'few', maxSockets: 8 }, context);
      const keys = Array.from({ length: 60 }, (_, index) => `k${String(index).padStart(2, '0')}`);
      await Promise.all(keys.map((key) => store.put(key, sourceOf(randomBytes(300_000)))));
      expect(await keysOf(store)).toEqual(keys);
      const read = await Promise.all(keys.map((key) => readAll(store, key)));
      expect(read.every(({ length }) => length === 300_000)).toBe(true);
      await store.close();
    });

    test('without a key the AWS chain is asked: here the environment, or nobody', async () => {
      const { accessKeyId, secretAccessKey, ...keyless } = settings;
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
      for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/dev/null');
      for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
        vi.stubEnv(name, undefined);
      const none = await openStore('none', keyless, context);
      expect((await refused('PermissionDenied', none.stat('a'))).message).toContain('No key was found');
      await none.close();
      vi.stubEnv('AWS_ACCESS_KEY_ID', String(accessKeyId));
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', String(secretAccessKey));
      const store = await openStore('from-environment', keyless, context);
      await refused('NotFound', store.stat('absent'));
      await store.close();
    });

    test.each<[string, object]>([
      ['an unknown setting', { colour: 'blue' }],
      ['an unknown vendor', { vendor: 'acme' }],
      ['a part size below the smallest', { partSizeMiB: 1 }],
      ['a bucket of no length', { bucket: '' }],
      ["another vendor's word", { secretId: 'x' }],
    ])('%s is refused in one sentence that holds no secret', async (_name, wrong) => {
      const { message } = await refused(
        'InvalidArgument',
        openStore('main', { ...settings, ...wrong }, context),
      );
      expect(message.split('\n')).toHaveLength(1);
      expect(message).not.toContain(access.secretAccessKey);
    });
  });
});
