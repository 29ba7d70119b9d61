import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { S3Driver } from '#drivers/storage/s3/s3-driver.ts';
import { type Fault, S3Proxy } from '#test/services/s3-proxy.ts';
import { type ProxiedRequest, plainRules } from '#test/services/s3-proxy-rules.ts';
import { withService } from '#test/services/shared.ts';
import {
  expectAbsent,
  expectBytes,
  expectHandles,
  MIB,
  openHandles,
  randomBytes,
  readAll,
  refused,
  sourceOf,
} from './storage-fixtures.ts';
import { driverFor, newBucket, openUploads, plainClient, proxyTo } from './storage-s3-subject.ts';

const key = { accessKeyId: 'VENDORKEY', secretAccessKey: 'VENDORSECRET' };
const ERROR_BODY =
  '<?xml version="1.0"?><Error><Code>InternalError</Code><Message>Try again.</Message></Error>';

const isComplete = ({ method, query }: ProxiedRequest): boolean => method === 'POST' && query.has('uploadId');
const isPart = ({ method, query }: ProxiedRequest): boolean => method === 'PUT' && query.has('partNumber');
const isObject = ({ method, key: object }: ProxiedRequest): boolean => method === 'GET' && object !== '';

await withService('ceph-rgw', async (access) => {
  const proxy = await S3Proxy.start({ ...proxyTo(access, plainRules, key), target: access.endpoint });
  const client = plainClient(access);
  const bucket = await newBucket(access);
  afterAll(async () => {
    client.destroy();
    await proxy.stop();
  });

  describe('s3 faults', () => {
    let driver: S3Driver;
    beforeEach(() => {
      driver = driverFor(
        { vendor: 'ceph', endpoint: proxy.endpoint, bucket, ...key, partSizeMiB: 5 },
        { timeouts: { connectMs: 5000, firstByteMs: 1500, idleMs: 1500 } },
      );
    });
    afterEach(async () => {
      proxy.fault = undefined;
      await driver.close();
      expect(await openUploads(client, bucket, '')).toBe(0);
    });
    /** The fault for the first so many requests that match. */
    const failing = (
      matches: (request: ProxiedRequest) => boolean,
      fault: Fault,
      times = 1,
    ): (() => number) => {
      let seen = 0;
      proxy.fault = (request) => {
        if (!matches(request)) return undefined;
        seen += 1;
        return seen <= times ? fault : undefined;
      };
      return () => seen;
    };
    const inParts = (bytes: Uint8Array) => sourceOf(bytes, { size: undefined, replayable: false });

    test.each([0, 1, 100_000, 3 * MIB - 1])(
      'an answer that is cut after %i bytes throws, it never looks like the whole',
      async (afterBytes) => {
        await driver.put('cut', sourceOf(randomBytes(3 * MIB)));
        const handles = openHandles();
        failing(isObject, { kind: 'cut', afterBytes });
        expect((await refused('Unavailable', readAll(driver, 'cut'))).retryable).toBe(true);
        failing(isObject, { kind: 'cut', afterBytes });
        await refused('Unavailable', readAll(driver, 'cut', { offset: 0, length: 3 * MIB }));
        proxy.fault = undefined;
        await expectHandles(handles);
      },
    );

    test('a small object that is cut is refused before its first byte', async () => {
      await driver.put('small', sourceOf(randomBytes(1000)));
      failing(isObject, { kind: 'cut', afterBytes: 999 });
      await refused('Unavailable', driver.open('small'));
    });

    test('an answer that stalls throws after the idle time; a reader that pauses does not', async () => {
      const bytes = randomBytes(20 * MIB);
      await driver.put('stall', sourceOf(bytes));
      failing(isObject, { kind: 'stall', afterBytes: MIB });
      await refused('Unavailable', readAll(driver, 'stall'));
      const copies: Buffer[] = [];
      for await (const chunk of (await driver.open('stall')).chunks) {
        if (copies.length === 0) await sleep(2500);
        copies.push(Buffer.from(chunk));
      }
      expectBytes(Buffer.concat(copies), bytes);
    });

    test.each([
      ['ignores the range', 200, {}, 1000, 'Internal'],
      ['gives another range', 206, { 'content-range': 'bytes 0-19/1000' }, 20, 'Internal'],
      ['gives less than it says', 206, { 'content-range': 'bytes 10-29/1000' }, 19, 'Unavailable'],
      ['gives more than it says', 206, { 'content-range': 'bytes 10-29/1000' }, 21, 'Internal'],
    ] as const)('a store that %s is not believed', async (_name, status, headers, length, code) => {
      await driver.put('range', sourceOf(randomBytes(1000)));
      failing(isObject, {
        kind: 'answer',
        status,
        headers: { etag: '"x"', ...headers },
        body: 'x'.repeat(length),
      });
      await refused(code, driver.open('range', { offset: 10, length: 20 }));
    });

    test('a part that fails is sent again, although its source cannot be read again', async () => {
      const bytes = randomBytes(23 * MIB);
      const seen = failing(isPart, { kind: 'answer', status: 503, body: ERROR_BODY }, 2);
      await driver.put('again', inParts(bytes));
      expect(seen()).toBe(7);
      expectBytes(await readAll(driver, 'again'), bytes);
    });

    test('parts that fail for good end the put, also while its source is silent', async () => {
      failing(
        isPart,
        { kind: 'answer', status: 403, body: ERROR_BODY.replace('InternalError', 'AccessDenied') },
        99,
      );
      const silent = {
        size: undefined,
        replayable: false,
        async *open() {
          yield randomBytes(6 * MIB);
          await new Promise(() => {});
        },
      };
      await refused('PermissionDenied', driver.put('ended', silent));
      await expectAbsent(driver, 'ended');
    });

    test('a join that answers 200 with an error is an error; tried again, it succeeds', async () => {
      const bytes = randomBytes(11 * MIB);
      const seen = failing(isComplete, { kind: 'answer', status: 200, body: ERROR_BODY });
      await driver.put('late-error', inParts(bytes));
      expect(seen()).toBe(2);
      expectBytes(await readAll(driver, 'late-error'), bytes);
      failing(isComplete, { kind: 'answer', status: 200, body: ERROR_BODY }, 99);
      await refused('Unavailable', driver.put('never', inParts(bytes)));
      await expectAbsent(driver, 'never');
    });

    test('a join whose answer is lost has succeeded where the object is there with its size', async () => {
      const bytes = randomBytes(11 * MIB);
      const seen = failing(isComplete, { kind: 'silence', after: true });
      expect(await driver.put('lost-answer', inParts(bytes))).toEqual({ size: bytes.length });
      expect(seen()).toBe(2);
      expectBytes(await readAll(driver, 'lost-answer'), bytes);
    });

    test.each(['NoSuchUpload', 'InternalError'])(
      'so it has where trying again is answered with %s; not where the size is another',
      async (code) => {
        const bytes = randomBytes(11 * MIB);
        const body = ERROR_BODY.replace('InternalError', code);
        const status = code === 'NoSuchUpload' ? 404 : 500;
        const afterwards: Fault = { kind: 'answer', status, body, after: true };
        const instead: Fault = { kind: 'answer', status, body };
        let seen = 0;
        proxy.fault = (request) => {
          if (!isComplete(request)) return undefined;
          seen += 1;
          return seen === 1 ? afterwards : instead;
        };
        expect(await driver.put('unclear', inParts(bytes))).toEqual({ size: bytes.length });
        expectBytes(await readAll(driver, 'unclear'), bytes);
        failing(isComplete, instead, 99);
        await refused('Unavailable', driver.put('unclear', inParts(randomBytes(12 * MIB))));
        expectBytes(await readAll(driver, 'unclear'), bytes);
      },
    );

    test('an object beside an upload that still exists does not count as joined', async () => {
      const bytes = randomBytes(11 * MIB);
      await driver.put('half-joined', sourceOf(bytes));
      failing(isComplete, { kind: 'answer', status: 500, body: ERROR_BODY }, 99);
      await refused('Unavailable', driver.put('half-joined', inParts(bytes)));
    });

    test('a join of an upload that somebody ended, without an object, is a failure', async () => {
      const gone = ERROR_BODY.replace('InternalError', 'NoSuchUpload');
      failing(isComplete, { kind: 'answer', status: 404, body: gone }, 99);
      expect(
        (await refused('Unavailable', driver.put('swept', inParts(randomBytes(11 * MIB))))).retryable,
      ).toBe(true);
      await expectAbsent(driver, 'swept');
    });

    test('a copy that answers 200 with an error is an error', async () => {
      for (const name of ['x', 'y']) await driver.put(name, sourceOf(randomBytes(6 * MIB)));
      failing(isPart, { kind: 'answer', status: 200, body: ERROR_BODY }, 99);
      await refused('Unavailable', driver.compose('xy', ['x', 'y']));
      await expectAbsent(driver, 'xy');
      failing(isPart, { kind: 'answer', status: 200, body: ERROR_BODY }, 1);
      expect(await driver.compose('xy', ['x', 'y'])).toEqual({ size: 12 * MIB });
    });

    test('sweep ends what others left, not what is young and not what is under way', async () => {
      const other = driverFor({
        vendor: 'ceph',
        endpoint: access.endpoint,
        bucket,
        accessKeyId: access.accessKeyId,
        secretAccessKey: access.secretAccessKey,
        partSizeMiB: 5,
      });
      const held = Promise.withResolvers<void>();
      const reached = Promise.withResolvers<void>();
      const put = other.put('held', {
        size: undefined,
        replayable: false,
        async *open() {
          yield randomBytes(11 * MIB);
          reached.resolve();
          await held.promise;
        },
      });
      // It fails as soon as its upload is swept away, before anybody waits for it.
      put.catch(() => undefined);
      await reached.promise;
      for (let tries = 0; tries < 100 && (await openUploads(client, bucket, '')) === 0; tries += 1)
        await sleep(10);
      const later = new Date(Date.now() + 60_000);
      expect(await other.sweep(later)).toBe(0);
      expect(await driver.sweep(new Date(Date.now() - 60_000))).toBe(0);
      await refused('Cancelled', driver.sweep(later, { signal: AbortSignal.abort() }));
      expect(await driver.sweep(later)).toBe(1);
      expect(await driver.sweep(later)).toBe(0);
      held.resolve();
      await refused('Unavailable', put);
      await other.close();
    });

    test('sweep leaves uploads behind another prefix alone', async () => {
      const elsewhere = driverFor({
        vendor: 'ceph',
        endpoint: proxy.endpoint,
        bucket,
        ...key,
        prefix: 'elsewhere',
      });
      const held = Promise.withResolvers<void>();
      const reached = Promise.withResolvers<void>();
      const put = driver.put('here', {
        size: undefined,
        replayable: false,
        async *open() {
          yield randomBytes(11 * MIB);
          reached.resolve();
          await held.promise;
        },
      });
      await reached.promise;
      expect(await elsewhere.sweep(new Date(Date.now() + 60_000))).toBe(0);
      held.resolve();
      await put;
      await elsewhere.close();
    });
  });
});
