import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { withService } from '#test/services/shared.ts';
import type { Breaking } from '#test/services/tcp-fault-proxy.ts';
import { type CephPlace, openCephPlace } from './ceph-place.ts';
import { settles } from './probe.ts';
import { bytesOf, Random, testSeed } from './random.ts';
import { head, RawClient } from './raw-client.ts';

const MIB = 1024 * 1024;
const GRACE_SECONDS = 3;
/** Once the breaker is open nothing waits for the store; generous for a machine under load. */
const AT_ONCE_MS = 1500;

await withService('ceph-rgw', (access) => {
  const random = new Random(testSeed());
  let place: CephPlace;

  beforeAll(async () => {
    place = await openCephPlace(access, { graceSeconds: GRACE_SECONDS });
  }, 120_000);
  afterAll(() => place?.close());
  beforeEach(async () => {
    place.proxy.set({});
    await place.proxy.accept();
  });

  const put = async (size: number) => {
    const bytes = bytesOf({ seed: random.between(1, 2 ** 40), size });
    const { uid } = await place.client.put('a.bin', bytes);
    return { uid, bytes };
  };
  /** The store works again without anything being done for it. */
  const recovered = () =>
    settles(45_000, async () => {
      const { status } = await place.client.call('PUT', '/files/back', { body: 'back' });
      return status === 201 ? undefined : `answered with ${status}`;
    });
  const ask = async (uid: string, headers = {}) => {
    const client = await RawClient.open(place.service.url);
    const authorization = `Bearer ${place.service.apiKey}`;
    await client.send(
      head('GET', `/api/v1/files/${uid}/content`, { authorization, connection: 'close', ...headers }),
    );
    const received: Buffer[] = [];
    client.socket.on('data', (chunk: Buffer) => received.push(chunk));
    await client.closedWithin(40_000);
    const all = Buffer.concat(received);
    const end = all.indexOf('\r\n\r\n') + 4;
    const told = Number(/content-length: (\d+)/i.exec(all.subarray(0, end).toString())?.[1]);
    return { statuses: client.statuses, told, body: all.subarray(end) };
  };

  test.each<[Breaking, number, string | undefined]>([
    ['reset', 20 * MIB, undefined],
    ['end', 20 * MIB, undefined],
    ['silence', 20 * MIB, undefined],
    ['reset', 20 * MIB, `bytes=${3 * MIB}-${18 * MIB - 1}`],
    ['end', 70 * MIB, undefined],
  ])(
    'a download whose store breaks off by %s is ended short of its length: %i bytes, %s',
    {
      timeout: 90_000,
    },
    async (how, size, range) => {
      const { uid, bytes } = await put(size);
      const wanted = range === undefined ? bytes : bytes.subarray(3 * MIB, 18 * MIB);
      const afterBytes = random.between(MIB, 10 * MIB);
      place.proxy.set({ breaking: { direction: 'down', how, afterBytes } });
      const { statuses, told, body } = await ask(uid, range === undefined ? {} : { range });
      expect(place.proxy.broken, `after ${afterBytes} bytes`).toBeGreaterThan(0);
      expect([statuses, told]).toEqual([[range === undefined ? 200 : 206], wanted.length]);
      expect(body.length).toBeLessThan(wanted.length);
      expect(body.length).toBeLessThanOrEqual(afterBytes);
      expect(body.equals(wanted.subarray(0, body.length))).toBe(true);
      place.proxy.set({});
      await recovered();
      const whole = await place.client.content(uid, range === undefined ? {} : { range });
      expect(whole.bytes.equals(wanted)).toBe(true);
    },
  );

  test.each<Breaking>(['reset', 'end', 'silence'])(
    'a small download whose store breaks off by %s is refused before its first byte',
    { timeout: 90_000 },
    async (how) => {
      const { uid, bytes } = await put(40_000);
      place.proxy.set({ breaking: { direction: 'down', how, afterBytes: random.between(1000, 39_000) } });
      const answer = await place.client.content(uid);
      expect([answer.status, answer.json.code]).toEqual([503, 'Unavailable']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      place.proxy.set({});
      await recovered();
      expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
    },
  );

  test('a store that is away fails fast with 503 and Retry-After, and comes back without a restart', {
    timeout: 90_000,
  }, async () => {
    const { uid, bytes } = await put(100_000);
    const pid = place.service.process.pid;
    await place.proxy.refuse();
    const calls = [
      () => place.client.content(uid),
      () => place.client.call('PUT', '/files/new', { body: bytes }),
      async () => place.client.part(await place.client.open(), 1, bytes),
    ];
    for (let round = 0; round < 3; round += 1) {
      for (const call of calls) {
        const { status, json, headers } = await call();
        expect([status, json.code]).toEqual([503, 'Unavailable']);
        expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      }
    }
    // It stays shut a second at least: all these find it so, or are the one probe, which is refused at once as well.
    for (const call of calls) {
      const startedAt = performance.now();
      expect((await call()).status).toBe(503);
      expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
    }
    await place.proxy.accept();
    await recovered();
    expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
    expect(place.service.process.pid).toBe(pid);
    expect(place.service.process.exitCode).toBe(null);
  });

  test('multipart uploads that nobody goes on with are aborted by the scheduled purge, not those under way', {
    timeout: 90_000,
  }, async () => {
    const key = 'aa/left-by-a-crash';
    const { bucket, s3 } = place;
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key }));
    const part = { Bucket: bucket, Key: key, UploadId, PartNumber: 1, Body: Buffer.alloc(5 * MIB) };
    await s3.send(new UploadPartCommand(part));
    const bytes = bytesOf({ seed: 5, size: 14 * MIB });
    const longerThanGrace = async function* () {
      for (let at = 0; at < bytes.length; at += MIB) {
        yield bytes.subarray(at, at + MIB);
        await sleep((GRACE_SECONDS * 2500) / 14);
      }
    };
    const stored = place.client.call('PUT', '/files/slow.bin', { body: longerThanGrace() });
    const keys = async () => {
      const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return Uploads.map((upload) => upload.Key);
    };
    await settles(10_000, async () => ((await keys()).length === 2 ? undefined : 'not both uploads'));
    await settles(15_000, async () => ((await keys()).includes(key) ? 'the stale upload' : undefined));
    const { status, json } = await stored;
    expect(status).toBe(201);
    expect((await place.client.content(json.uid)).bytes.equals(bytes)).toBe(true);
    expect(await keys()).toEqual([]);
  });

  test('what is deleted while the store is away is purged when it is back', {
    timeout: 120_000,
  }, async () => {
    const files = await Promise.all(Array.from({ length: 12 }, () => put(300_000)));
    await place.proxy.refuse();
    for (const { uid } of files.slice(0, 6)) {
      expect((await place.client.call('DELETE', `/files/${uid}`)).status).toBe(204);
    }
    await sleep((GRACE_SECONDS + 1) * 1000);
    expect(await place.bucketKeys()).toEqual(expect.arrayContaining([expect.any(String)]));
    await place.proxy.accept();
    place.proxy.set({ breaking: { direction: 'down', how: 'reset', afterBytes: 700, times: 30 } });
    for (const { uid } of files.slice(6)) await place.client.call('DELETE', `/files/${uid}`);
    await sleep(2000);
    place.proxy.set({});
    const { files: left } = (await place.client.call('GET', '/files?limit=1000')).json;
    for (const { uid } of left) await place.client.call('DELETE', `/files/${uid}`);
    await settles(60_000, async () => {
      const keys = await place.bucketKeys();
      return keys.length + (await place.openUploads()) === 0 ? undefined : `${keys.length} objects are left`;
    });
    await place.cleanFsck();
  });

  test('an upload whose client leaves while the store is silent frees everything', {
    timeout: 60_000,
  }, async () => {
    place.proxy.set({ breaking: { direction: 'up', how: 'silence', afterBytes: 2 * MIB } });
    const client = await RawClient.open(place.service.url);
    const authorization = `Bearer ${place.service.apiKey}`;
    const length = { authorization, 'content-length': 30 * MIB };
    await client.send(head('PUT', '/api/v1/files/left.bin', length));
    client.socket.write(Buffer.alloc(8 * MIB));
    await settles(10_000, async () => (place.proxy.broken > 0 ? undefined : 'the store still listens'));
    client.leave('reset');
    if (!client.socket.closed) await once(client.socket, 'close');
    place.proxy.set({});
    await recovered();
    expect((await place.client.call('GET', '/files?prefix=left')).json.files).toEqual([]);
    await settles(15_000, async () =>
      place.proxy.connections < 20 ? undefined : `${place.proxy.connections} connections`,
    );
  });
});
