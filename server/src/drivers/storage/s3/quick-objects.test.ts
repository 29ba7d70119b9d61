import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { s3 } from '#drivers/storage/s3/index.ts';
import { refused, sourceOf } from '#test/contracts/storage-fixtures.ts';
import { silentLogger } from '#test/silent-logger.ts';

interface Seen {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A store that answers as it is told, and what it was sent; the SDK's requests carry an id of the call. */
async function storeThat(answer: (seen: Seen, response: ServerResponse) => void) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('');
    const one = { path: request.url ?? '', headers: request.headers, body };
    seen.push(one);
    answer(one, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const driver = await s3.create(
    {
      ...{ vendor: 'minio', bucket: 'bucket', accessKeyId: 'key', secretAccessKey: 'secret' },
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    },
    { nodeId: 'n', telemetry: silentTelemetry, logger: silentLogger },
  );
  closing.push(() => driver.close());
  return {
    driver,
    seen,
    bySdk: () => seen.map(({ headers }) => headers['amz-sdk-invocation-id'] !== undefined),
  };
}

const stored = (_seen: Seen, response: ServerResponse) => response.setHeader('etag', '"e"').end();

test('the first object goes by the SDK, the ones after it without; both are signed, with their length and MD5', async () => {
  const { driver, seen, bySdk } = await storeThat(stored);
  for (const key of ['a/1', 'a/2', 'a/3'])
    await driver.put(key, sourceOf(Buffer.from('bytes')), { md5: '4b3a6218bb3e3a7303e8a171a60fcf92' });
  expect(bySdk()).toEqual([true, false, false]);
  for (const { path, headers, body } of seen) {
    expect(path).toMatch(/^\/bucket\/a\/[123](\?x-id=PutObject)?$/);
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=key\/\d+\/us-east-1\/s3\/aws4_request,/,
    );
    expect(headers).toMatchObject({ 'content-length': '5', 'content-md5': 'SzpiGLs+OnMD6KFxpg/Pkg==' });
    expect(body).toBe('bytes');
  }
});

test('what was refused is sent once more by the SDK, which says why', async () => {
  const { driver, seen, bySdk } = await storeThat((one, response) => {
    if (one.body === 'good') return void stored(one, response);
    response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
  });
  await driver.put('a', sourceOf(Buffer.from('good')));
  await refused('PermissionDenied', driver.put('b', sourceOf(Buffer.from('bad'))));
  expect(bySdk()).toEqual([true, false, true]);
  expect(seen[1]?.path).toBe('/bucket/b');
});

test('an answer of 200 that no store gave is no success', async () => {
  const { driver } = await storeThat((one, response) =>
    one.body === 'good' ? void stored(one, response) : void response.end('<html>'),
  );
  await driver.put('a', sourceOf(Buffer.from('good')));
  await refused('Unavailable', driver.put('b', sourceOf(Buffer.from('other'))));
});

const served = (_seen: Seen, response: ServerResponse) =>
  response.writeHead(200, { etag: '"e"', 'content-length': '5' }).end('bytes');

test('what is fetched after the first object goes without the SDK too, signed, ranges included', async () => {
  const { driver, seen, bySdk } = await storeThat((one, response) => {
    if (one.headers.range === undefined) return void served(one, response);
    response.writeHead(206, { etag: '"e"', 'content-range': 'bytes 1-2/5', 'content-length': '2' }).end('yt');
  });
  const read = async (key: string, range?: { offset: number; length: number }) => {
    const { size, chunks } = await driver.open(key, range);
    return {
      size,
      text: Buffer.concat(await Array.fromAsync(chunks, (chunk) => Buffer.from(chunk))).toString(),
    };
  };
  expect(await read('a/1')).toEqual({ size: 5, text: 'bytes' });
  expect(await read('a/2')).toEqual({ size: 5, text: 'bytes' });
  expect(await read('a/3', { offset: 1, length: 2 })).toEqual({ size: 5, text: 'yt' });
  expect(bySdk()).toEqual([true, false, false]);
  expect(seen[2]).toMatchObject({ path: '/bucket/a/3', headers: { range: 'bytes=1-2' } });
  for (const { headers } of seen) expect(headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=key/);
});

test('what cannot be fetched is asked for once more by the SDK, which says why', async () => {
  const { driver, bySdk } = await storeThat((one, response) => {
    if (one.path.startsWith('/bucket/a')) return void served(one, response);
    response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
  });
  await (await driver.open('a')).close();
  await refused('NotFound', driver.open('b'));
  expect(bySdk()).toEqual([true, false, true]);
});

test('a fetched answer of 200 that no store gave, and a range that is another one, are no objects', async () => {
  const { driver } = await storeThat((one, response) => {
    if (one.path.startsWith('/bucket/a')) return void served(one, response);
    if (one.headers.range === undefined) return void response.end('<html>');
    response.writeHead(206, { etag: '"e"', 'content-range': 'bytes 0-1/5' }).end('by');
  });
  await (await driver.open('a')).close();
  await refused('Unavailable', driver.open('b'));
  await refused('Internal', driver.open('b', { offset: 1, length: 2 }));
});
