import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '#core/errors.ts';
import type { ByteSource } from '#core/ports/storage-driver.ts';
import type { S3Driver } from '#drivers/storage/s3/s3-driver.ts';
import type { S3Settings } from '#drivers/storage/s3/settings.ts';
import { vendors } from '#drivers/storage/s3/vendors.ts';
import { S3Proxy } from '#test/services/s3-proxy.ts';
import { cosRules } from '#test/services/s3-proxy-cos.ts';
import { ossRules } from '#test/services/s3-proxy-oss.ts';
import { plainRules } from '#test/services/s3-proxy-rules.ts';
import { withService } from '#test/services/shared.ts';
import {
  expectAbsent,
  expectBytes,
  KIB,
  keysOf,
  MIB,
  randomBytes,
  readAll,
  refused,
  sourceOf,
  sourceThat,
} from './storage-fixtures.ts';
import { fetchWithHost, loopbackLookup, newBucket, proxyTo, s3Subjects } from './storage-s3-subject.ts';
import type { StorageSubject } from './storage-subject.ts';

const key = { accessKeyId: 'VENDORKEY', secretAccessKey: 'VENDORSECRET' };
const PART = 5 * MIB;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

await withService('ceph-rgw', async (access) => {
  const strict = await S3Proxy.start({ ...proxyTo(access, plainRules, key), target: access.endpoint });
  const oss = await S3Proxy.start(proxyTo(access, ossRules, key));
  const cos = await S3Proxy.start(proxyTo(access, cosRules, key));
  afterAll(() => Promise.all([strict.stop(), oss.stop(), cos.stop()]));
  const bucket = await newBucket(access, '-1250000000');

  const stages: readonly (readonly [string, S3Proxy, S3Settings])[] = [
    ['ceph', strict, { vendor: 'ceph', endpoint: strict.endpoint, bucket, ...key }],
    ['r2 rules on ceph', strict, { vendor: 'r2', endpoint: strict.endpoint, bucket, ...key }],
    [
      'oss',
      oss,
      {
        vendor: 'oss',
        endpoint: oss.endpoint,
        region: 'cn-test',
        bucket,
        accessKeyId: key.accessKeyId,
        accessKeySecret: key.secretAccessKey,
      },
    ],
    [
      'cos',
      cos,
      {
        vendor: 'cos',
        endpoint: cos.endpoint,
        region: 'ap-test',
        bucket,
        secretId: key.accessKeyId,
        secretKey: key.secretAccessKey,
      },
    ],
  ];

  describe.each(stages)('s3 transfers: %s', (_name, proxy, settings) => {
    let subject: StorageSubject;
    let driver: S3Driver;
    const fresh = s3Subjects({
      access,
      bucket,
      settings: { ...settings, partSizeMiB: PART / MIB },
      more: { lookup: loopbackLookup },
    });
    beforeEach(async () => {
      subject = await fresh();
      driver = subject.driver as S3Driver;
      proxy.forget();
    });
    afterEach(async () => {
      await driver.close();
      await subject.cleanup();
    });
    const count = (request: string): number => proxy.traffic.requests.filter((one) => one === request).length;
    const parts = (): number => count('PUT partNumber uploadId x-id');
    const begun = (): number => count('POST uploads');

    test.each([
      [0, 0],
      [256 * KIB, 0],
      [256 * KIB + 1, 0],
      [PART + 1, 0],
      [64 * MIB, 0],
      [64 * MIB + 1, 13],
    ])(
      'a content of %i known bytes goes in one request, or in parts above 64 MiB',
      async (size, expected) => {
        const bytes = randomBytes(size);
        expect(await driver.put('known', sourceOf(bytes))).toEqual({ size });
        expect([begun(), parts()]).toEqual([expected === 0 ? 0 : 1, expected]);
        expect(sha256(await readAll(driver, 'known'))).toBe(sha256(bytes));
        expect(await subject.leftovers?.()).toBe(0);
      },
    );

    test.each([
      [0, 0],
      [PART - 1, 0],
      [PART, 0],
      [PART + 1, 2],
      [4 * PART, 4],
      [4 * PART + 7, 5],
    ])(
      'a content of %i unknown bytes goes in one request, or in parts of one size',
      async (size, expected) => {
        const bytes = randomBytes(size);
        const source = sourceOf(bytes, { size: undefined, chunk: 333_333, replayable: false });
        expect(await driver.put('unknown', source)).toEqual({ size });
        expect([begun(), parts()]).toEqual([expected === 0 ? 0 : 1, expected]);
        expect(sha256(await readAll(driver, 'unknown'))).toBe(sha256(bytes));
      },
    );

    test.each(['throws', 'is cancelled'])(
      'a content in parts whose source %s leaves nothing behind',
      async (how) => {
        const abort = new AbortController();
        const source = sourceThat(Math.ceil((3.5 * PART) / (64 * KIB)), async () => {
          if (how === 'throws') throw new Error('gone');
          abort.abort();
          await new Promise(() => {});
        });
        const put = driver.put('broken', source, { signal: abort.signal });
        await refused(how === 'throws' ? 'Internal' : 'Cancelled', put);
        expect(begun()).toBe(1);
        await expectAbsent(driver, 'broken');
        expect(await subject.leftovers?.()).toBe(0);
      },
    );

    test.each<[string, ErrorCode, (bytes: Uint8Array, abort: AbortController) => ByteSource]>([
      ['over by one', 'InvalidArgument', (bytes) => sourceOf(bytes, { size: bytes.length - 1 })],
      [
        'over in a chunk of its own',
        'InvalidArgument',
        (bytes) => sourceOf(bytes, { size: bytes.length - 64 * KIB }),
      ],
      ['short by one', 'InvalidArgument', (bytes) => sourceOf(bytes, { size: bytes.length + 1 })],
      [
        'failed where it should end',
        'Internal',
        (bytes) =>
          sourceThat(
            bytes.length / (64 * KIB),
            async () => {
              throw new Error('gone');
            },
            bytes.length,
          ),
      ],
      [
        'cancelled with its last byte',
        'Cancelled',
        (bytes, abort) => sourceThat(bytes.length / (64 * KIB), async () => abort.abort(), bytes.length),
      ],
    ])('a stream in one request that is %s leaves nothing, and what was there', async (_name, code, make) => {
      const before = randomBytes(100);
      await driver.put('there', sourceOf(before));
      for (const name of ['there', 'new']) {
        const abort = new AbortController();
        await refused(code, driver.put(name, make(randomBytes(MIB), abort), { signal: abort.signal }));
      }
      expectBytes(await readAll(driver, 'there'), before);
      await expectAbsent(driver, 'new');
    });

    test('the MD5 is checked by the store', async () => {
      const bytes = randomBytes(PART);
      const md5 = createHash('md5').update(bytes).digest('hex');
      await driver.put('right', sourceOf(bytes), { md5 });
      await refused('ChecksumMismatch', driver.put('wrong', sourceOf(randomBytes(PART)), { md5 }));
      await refused('ChecksumMismatch', driver.put('wrong', sourceOf(randomBytes(10)), { md5 }));
      await expectAbsent(driver, 'wrong');
    });

    test('joining parts of 8 MiB moves no byte through here', async () => {
      const bodies = Array.from({ length: 4 }, () => randomBytes(8 * MIB));
      for (const [index, body] of bodies.entries()) await driver.put(`part/${index}`, sourceOf(body));
      proxy.forget();
      const keys = bodies.map((_body, index) => `part/${index}`);
      expect(await driver.compose('joined', keys)).toEqual({ size: 32 * MIB });
      expect(proxy.traffic.bytesDown).toBe(0);
      expect(proxy.traffic.bytesUp).toBeLessThan(10_000);
      expectBytes(await readAll(driver, 'joined'), Buffer.concat(bodies));
      expect(await subject.leftovers?.()).toBe(0);
    });

    test('joining parts of every size moves only what is too small to be copied', async () => {
      const { minPartBytes, equalParts } = vendors[settings.vendor];
      const sizes = [6 * MIB, 3, 0, 12 * MIB, 6 * MIB, 20_000, 100, 11 * MIB, 11];
      const bodies = sizes.map((size) => randomBytes(size));
      for (const [index, body] of bodies.entries()) await driver.put(`part/${index}`, sourceOf(body));
      proxy.forget();
      const keys = bodies.map((_body, index) => `part/${index}`);
      await driver.compose('joined', keys);
      const whole = Buffer.concat(bodies);
      expectBytes(await readAll(driver, 'joined'), whole);
      const sent = proxy.traffic.bytesDown - whole.length;
      expect(sent).toBeLessThanOrEqual(equalParts ? whole.length : 2 * minPartBytes + 11);
      if (!equalParts) expect(sent).toBeGreaterThan(0);
    });

    test('one source is copied, none makes an empty object, small ones make one request', async () => {
      const one = randomBytes(6 * MIB);
      await driver.put('one', sourceOf(one));
      await driver.put('empty', sourceOf(randomBytes(0)));
      await driver.put('tiny', sourceOf(randomBytes(9)));
      proxy.forget();
      expect(await driver.compose('copy', ['empty', 'one', 'empty'])).toEqual({ size: 6 * MIB });
      expect(await driver.compose('void', ['empty', 'empty'])).toEqual({ size: 0 });
      expect(await driver.compose('nothing', [])).toEqual({ size: 0 });
      expect(begun()).toBe(0);
      expect(proxy.traffic.bytesDown).toBe(0);
      expect(await driver.compose('small', ['tiny', 'tiny'])).toEqual({ size: 18 });
      expect(begun()).toBe(0);
      expectBytes(await readAll(driver, 'copy'), one);
      expect(await readAll(driver, 'void')).toHaveLength(0);
      expect(await readAll(driver, 'small')).toHaveLength(18);
    });

    test('a listing goes over several pages', async () => {
      const keys = Array.from({ length: 1101 }, (_, index) => `page/${String(index).padStart(4, '0')}`);
      const waiting = keys.values();
      const putting = async (): Promise<void> => {
        for (const each of waiting) await driver.put(each, sourceOf(randomBytes(1)));
      };
      await Promise.all(Array.from({ length: 16 }, putting));
      proxy.forget();
      expect(await keysOf(driver, 'page/')).toEqual(keys);
      expect(proxy.traffic.requests.length).toBe(2);
    });

    test('a signed URL works without a key, until it is changed', async () => {
      const bytes = randomBytes(1000);
      await driver.put('given', sourceOf(bytes));
      const url = new URL(await driver.presign('given', { method: 'GET', expiresInSeconds: 60 }));
      const host = url.host;
      url.hostname = '127.0.0.1';
      const get = (target: URL) => fetchWithHost(target, host);
      expect(Buffer.compare((await get(url)).body, bytes)).toBe(0);
      url.searchParams.set('X-Amz-Expires', '61');
      expect((await get(url)).status).toBe(403);
      for (const expiresInSeconds of [0, 0.5, 604_801]) {
        await refused('InvalidArgument', driver.presign('given', { method: 'GET', expiresInSeconds }));
      }
    });

    test('nothing is deleted in bulk, nothing framed, and no create-only header is sent', async () => {
      await driver.put('a', sourceOf(randomBytes(PART)));
      await driver.delete('a');
      await driver.delete('a');
      expect(count('POST delete')).toBe(0);
      expect(count('DELETE x-id')).toBe(2);
    });
  });
});
