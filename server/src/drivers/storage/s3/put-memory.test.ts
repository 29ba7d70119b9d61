import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MIB, refused } from '#test/contracts/storage-fixtures.ts';
import { resolveSettings } from './resolve-settings.ts';
import { S3Driver } from './s3-driver.ts';
import type { S3DriverOptions } from './s3-driver-options.ts';

/** A server that takes everything and keeps nothing but what it saw. */
const seen = { sizes: [] as number[], atOnce: 0, most: 0 };
let delayMs = 0;

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const part = request.url?.includes('partNumber') === true;
  if (part) seen.atOnce += 1;
  seen.most = Math.max(seen.most, seen.atOnce);
  let size = 0;
  try {
    for await (const chunk of request) size += chunk.length;
    await sleep(delayMs);
  } finally {
    if (part) seen.atOnce -= 1;
  }
  if (part) seen.sizes.push(size);
  if (request.method === 'POST') {
    const result = request.url?.includes('uploads') === true ? '<UploadId>u</UploadId>' : '<ETag>"t"</ETag>';
    return void response.end(`<Result>${result}</Result>`);
  }
  response.setHeader('etag', '"t"').end();
}

const server = createServer((request, response) => {
  take(request, response).catch(() => response.destroy());
});
let endpoint: string;
beforeEach(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  Object.assign(seen, { sizes: [], atOnce: 0, most: 0 });
  delayMs = 0;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

function driverWith(more: Partial<S3DriverOptions>): S3Driver {
  const settings = { vendor: 'generic', bucket: 'files', accessKeyId: 'a', secretAccessKey: 'b' } as const;
  return new S3Driver({ ...resolveSettings({ ...settings, endpoint }, {}), ...more });
}

/** Zeros in one buffer that is used again and again; notes how much memory buffers take. */
function watched(bytes: number, declared?: number) {
  const block = new Uint8Array(MIB);
  const peak = { bytes: 0 };
  const source = {
    size: declared,
    replayable: false,
    async *open() {
      for (let left = bytes; left > 0; left -= block.length) {
        peak.bytes = Math.max(peak.bytes, process.memoryUsage().arrayBuffers);
        yield left < block.length ? block.subarray(0, left) : block;
      }
    },
  };
  return { source, peak };
}

/** What both ends of the connections hold between two collections of garbage. */
const SLACK_BYTES = 128 * MIB;

test.each([
  ['unknown', undefined],
  ['known', 600 * MIB],
])(
  'a large content of %s length takes part size × concurrency of memory, and no more parts at once',
  async (_name, declared) => {
    delayMs = 20;
    const driver = driverWith({ partBytes: 8 * MIB, concurrency: 3 });
    const before = process.memoryUsage().arrayBuffers;
    const { source, peak } = watched(600 * MIB, declared);
    expect(await driver.put('large', source)).toEqual({ size: 600 * MIB });
    expect(seen.most).toBe(3);
    expect(new Set(seen.sizes)).toEqual(new Set([8 * MIB]));
    expect(peak.bytes - before).toBeLessThan(3 * 8 * MIB + SLACK_BYTES);
    await driver.close();
  },
);

test('many puts together have one part each and a common allowance', async () => {
  delayMs = 400;
  const driver = driverWith({ partBytes: 5 * MIB, concurrency: 4 });
  const puts = Array.from({ length: 24 }, () => driver.put('many', watched(22 * MIB).source));
  await Promise.all(puts);
  // 24 puts with one part each, and 4 × concurrency more.
  expect(seen.most).toBeLessThanOrEqual(24 + 16);
  expect(seen.sizes).toHaveLength(24 * 5);
  Object.assign(seen, { most: 0 });
  await driver.put('alone', watched(40 * MIB).source);
  expect(seen.most).toBe(4);
  await driver.close();
});

test('a failed put gives its share of the allowance back', async () => {
  const driver = driverWith({ partBytes: 5 * MIB, concurrency: 4 });
  for (let times = 0; times < 10; times += 1) {
    const source = {
      size: undefined,
      replayable: false,
      async *open() {
        for (let index = 0; index < 22; index += 1) yield new Uint8Array(MIB);
        throw new Error('gone');
      },
    };
    await refused('Internal', driver.put('failed', source));
  }
  // The server learns of aborted requests a little later.
  for (let tries = 0; tries < 500 && seen.atOnce > 0; tries += 1) await sleep(10);
  delayMs = 20;
  Object.assign(seen, { most: 0 });
  await driver.put('alone', watched(40 * MIB).source);
  expect(seen.most).toBe(4);
  await driver.close();
});

test('many small contents of unknown length take little memory, not a part each', async () => {
  const driver = driverWith({ partBytes: 64 * MIB, concurrency: 4 });
  const before = process.memoryUsage().arrayBuffers;
  const held = Promise.withResolvers<void>();
  const source = {
    size: undefined,
    replayable: false,
    async *open() {
      yield new Uint8Array(1000);
      await held.promise;
    },
  };
  const puts = Array.from({ length: 200 }, (_, index) => driver.put(`small/${index}`, source));
  await sleep(100);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(SLACK_BYTES);
  held.resolve();
  await Promise.all(puts);
  await driver.close();
});

test('a very large content gets larger parts, fewer at once; one that is too large is refused unread', async () => {
  const driver = driverWith({ partBytes: 5 * MIB, concurrency: 4 });
  const size = 100_000 * MIB;
  const asked = { open: 0 };
  const breaking = {
    size,
    replayable: false,
    async *open() {
      asked.open += 1;
      for (let index = 0; index < 25; index += 1) yield new Uint8Array(MIB);
      throw new Error('enough');
    },
  };
  await refused('Internal', driver.put('larger', breaking));
  expect(new Set(seen.sizes)).toEqual(new Set([10 * MIB]));
  const { size: largest } = { size: 5 * MIB * 4 * 10_000 };
  const error = await refused('TooLarge', driver.put('refused', { ...breaking, size: largest + 1 }));
  expect(error.message).toContain('"partSizeMiB"');
  expect(asked.open).toBe(1);
  await driver.close();
});
