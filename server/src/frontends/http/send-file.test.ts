import { afterEach, describe, expect, it } from 'vitest';
import { sendFile } from './send-file.ts';
import {
  bytesOf,
  FakeDownloads,
  fileOf,
  PUBLIC,
  RawClient,
  startServer,
  type TestServer,
  until,
} from './test-server.ts';

let server: TestServer;
afterEach(async () => server?.app.close());

const SIZE = 1_000_000;

async function start(
  size = SIZE,
  changes: Parameters<typeof fileOf>[1] = {},
  configure: (downloads: FakeDownloads) => void = () => {},
): Promise<FakeDownloads> {
  const downloads = new FakeDownloads();
  configure(downloads);
  const content = fileOf(size, changes);
  server = await startServer((app) => {
    app.get<{ Querystring: { name?: string; inline?: string } }>('/file', PUBLIC, async (request, reply) => {
      const { name, inline } = request.query;
      await sendFile(request, reply, {
        content,
        downloads,
        disposition: inline === undefined ? 'attachment' : 'inline',
        ...(name === undefined ? {} : { name }),
      });
      return reply;
    });
  });
  return downloads;
}

const get = (headers: Record<string, string> = {}, method = 'GET', query = '') =>
  fetch(`${server.origin}/file${query}`, { method, headers });
const body = async (answer: Response) => Buffer.from(await answer.arrayBuffer());
const request = (...headers: string[]) =>
  `GET /file HTTP/1.1\r\nhost: x\r\n${headers.map((h) => `${h}\r\n`).join('')}\r\n`;

describe('sendFile', () => {
  it.each([0, 1 << 30])(
    'sends the whole with everything that describes it (in memory up to %i)',
    async (inMemory) => {
      const downloads = await start(SIZE, {}, (fake) => {
        fake.inMemory = inMemory;
      });
      const answer = await get({ 'x-request-id': 'r-1', origin: 'https://a.example' });
      expect(answer.status).toBe(200);
      expect((await body(answer)).equals(bytesOf(0, SIZE))).toBe(true);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        etag: `"${123456789012345678n.toString(36)}-1"`,
        'last-modified': 'Tue, 02 Jan 2024 03:04:05 GMT',
        'accept-ranges': 'bytes',
        'content-length': String(SIZE),
        'content-type': 'application/octet-stream',
        'content-disposition': 'attachment; filename=a.bin',
        'cache-control': 'private, no-cache',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'referrer-policy': 'no-referrer',
        'x-request-id': 'r-1',
        'access-control-allow-origin': 'https://a.example',
      });
      await until(() => server.lines.some((line) => line.bytes === SIZE), 'the log line');
      expect(server.telemetry).toMatchObject({ out: SIZE, openOut: 0 });
      expect(downloads.open).toBe(0);
    },
  );

  it('carries any name and shows only what is harmless', async () => {
    await start(10, { contentType: 'text/plain', name: '测试 "文件".txt' });
    const shown = await get({}, 'GET', '?inline');
    expect(shown.headers.get('content-disposition')).toMatch(/^inline; /);
    expect(shown.headers.get('content-disposition')).toContain(encodeURIComponent('测试'));
    expect(shown.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const named = await get({}, 'GET', `?name=${encodeURIComponent('é.txt')}`);
    expect(named.headers.get('content-disposition')).toContain('attachment; ');
    await server.app.close();
    await start(10, { contentType: 'text/html', name: 'x.html' });
    expect((await get({}, 'GET', '?inline')).headers.get('content-disposition')).toMatch(/^attachment; /);
  });

  it('answers HEAD without reading, and without ranges', async () => {
    const downloads = await start();
    const answer = await get({ range: 'bytes=0-9' }, 'HEAD');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe(String(SIZE));
    expect(answer.headers.get('etag')).toBeTruthy();
    expect(downloads.opened).toBe(0);
  });

  it.each([0, 1 << 30])('sends an empty file (in memory up to %i)', async (inMemory) => {
    await start(0, {}, (fake) => {
      fake.inMemory = inMemory;
    });
    const answer = await get();
    expect([answer.status, answer.headers.get('content-length'), (await body(answer)).length]).toEqual([
      200,
      '0',
      0,
    ]);
    const ranged = await get({ range: 'bytes=0-' });
    expect([ranged.status, ranged.headers.get('content-range')]).toEqual([416, 'bytes */0']);
  });

  it.each([
    ['bytes=0-99', 0, 100],
    ['bytes=999999-', 999_999, 1],
    ['bytes=-500', SIZE - 500, 500],
    ['bytes=200000-5000000', 200_000, 800_000],
    ['bytes=10-19,15-29,30-39', 10, 30],
  ])('%s → 206', async (range, offset, length) => {
    await start();
    const answer = await get({ range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${offset}-${offset + length - 1}/${SIZE}`);
    expect(answer.headers.get('content-length')).toBe(String(length));
    expect((await body(answer)).equals(bytesOf(offset, length))).toBe(true);
  });

  it.each(['bytes=x', 'lines=1-2', `bytes=${Array.from({ length: 17 }, (_, i) => `${i * 9}-${i * 9}`)}`])(
    '%s → the whole',
    async (range) => {
      await start();
      const answer = await get({ range });
      expect([answer.status, answer.headers.get('content-range')]).toEqual([200, null]);
      expect((await body(answer)).length).toBe(SIZE);
    },
  );

  it('refuses a range outside as a problem', async () => {
    const downloads = await start();
    const answer = await get({ range: `bytes=${SIZE}-` });
    expect([answer.status, answer.headers.get('content-range')]).toEqual([416, `bytes */${SIZE}`]);
    expect(await answer.json()).toMatchObject({ code: 'RangeNotSatisfiable' });
    expect(downloads.opened).toBe(0);
  });

  it.each([0, 1 << 30])('sends several ranges (in memory up to %i)', async (inMemory) => {
    const downloads = await start(SIZE, { contentType: 'video/mp4' }, (fake) => {
      fake.inMemory = inMemory;
    });
    const answer = await get({ range: 'bytes=500000-699999,0-9,-5' });
    expect(answer.status).toBe(206);
    const type = answer.headers.get('content-type') ?? '';
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(type)?.[1];
    const expected = Buffer.concat([
      ...(
        [
          [0, 10],
          [500_000, 200_000],
          [SIZE - 5, 5],
        ] as const
      ).flatMap(([offset, length]) => [
        Buffer.from(
          `\r\n--${boundary}\r\ncontent-type: video/mp4\r\ncontent-range: bytes ${offset}-${offset + length - 1}/${SIZE}\r\n\r\n`,
        ),
        bytesOf(offset, length),
      ]),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    expect(answer.headers.get('content-length')).toBe(String(expected.length));
    expect((await body(answer)).equals(expected)).toBe(true);
    await until(() => downloads.open === 0, 'everything closed');
    expect(downloads.opened).toBe(3);
  });

  it('honours preconditions and If-Range', async () => {
    const downloads = await start();
    const etag = (await get({}, 'HEAD')).headers.get('etag') ?? '';
    const same = await get({ 'if-none-match': etag, range: 'bytes=0-1' });
    expect([
      same.status,
      same.headers.get('etag'),
      same.headers.get('content-type'),
      (await body(same)).length,
    ]).toEqual([304, etag, null, 0]);
    expect((await get({ 'if-modified-since': 'Tue, 02 Jan 2024 03:04:05 GMT' }, 'HEAD')).status).toBe(304);
    const failed = await get({ 'if-match': '"x"' });
    expect([failed.status, failed.headers.get('etag')]).toEqual([412, etag]);
    expect(await failed.json()).toMatchObject({ code: 'PreconditionFailed' });
    expect(downloads.opened).toBe(0);
    const current = await get({ 'if-range': etag, range: 'bytes=0-9' });
    expect([current.status, (await body(current)).length]).toEqual([206, 10]);
    const changed = await get({ 'if-range': '"old"', range: 'bytes=0-9' });
    expect([changed.status, (await body(changed)).length]).toEqual([200, SIZE]);
    const stale = await get({ 'if-range': '"old"', range: `bytes=${SIZE}-` });
    expect([stale.status, (await body(stale)).length]).toEqual([200, SIZE]);
  });

  it('answers with an error what fails before the first byte', async () => {
    server = await startServer((app) => {
      app.get('/file', PUBLIC, async (req, reply) => {
        const read = async () => Promise.reject(new Error('s3cret store detail'));
        await sendFile(req, reply, { content: fileOf(5), downloads: { read }, disposition: 'inline' });
      });
    });
    const answer = await get();
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('s3cret');
    expect(answer.headers.get('content-type')).toContain('problem+json');
    expect(answer.headers.get('content-disposition')).toBeNull();
  });

  it.each(['failAfter', 'endAfter'] as const)(
    'breaks the connection off when the store does (%s)',
    async (what) => {
      const downloads = await start(SIZE, {}, (fake) => {
        fake[what] = 300_000;
      });
      const client = new RawClient(server.port).send(request());
      await client.closed;
      expect(client.received).toContain(`content-length: ${SIZE}`);
      const sent = client.received.length - client.received.indexOf('\r\n\r\n') - 4;
      expect(sent).toBeLessThan(SIZE);
      await until(() => downloads.open === 0, 'everything closed');
      expect(server.telemetry.openOut).toBe(0);
      expect(server.lines.some((line) => line.level === 50)).toBe(true);
    },
  );

  it('never sends more than it promised', async () => {
    server = await startServer((app) => {
      app.get('/file', PUBLIC, async (req, reply) => {
        const chunks = (async function* () {
          yield Buffer.alloc(60);
          yield Buffer.alloc(60);
        })();
        const read = async () => ({ length: 100, chunks, close: async () => {} });
        await sendFile(req, reply, { content: fileOf(100), downloads: { read }, disposition: 'inline' });
      });
    });
    const client = new RawClient(server.port).send(request());
    await client.closed;
    expect(client.received.length - client.received.indexOf('\r\n\r\n') - 4).toBeLessThanOrEqual(60);
  });
});

describe('clients that go away', () => {
  it('stops reading and frees what was open', async () => {
    const size = 500_000_000;
    const downloads = await start(size);
    const client = new RawClient(server.port).send(request());
    await client.hears('HTTP/1.1 200');
    client.socket.destroy();
    await until(() => downloads.open === 0, 'everything closed');
    const made = downloads.chunksMade;
    expect(made * downloads.chunkSize).toBeLessThan(size / 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(downloads.chunksMade).toBe(made);
    expect(server.telemetry.openOut).toBe(0);
    await until(() => server.lines.some((line) => line.aborted !== undefined), 'the log line');
    expect(server.lines.filter((line) => line.level === 50)).toEqual([]);
  });

  it('does not say so of one that has counted all bytes and leaves before the answer is ended', async () => {
    const gate = Promise.withResolvers<void>();
    server = await startServer((app) => {
      app.get('/file', PUBLIC, async (req, reply) => {
        const chunks = (async function* () {
          yield Buffer.alloc(100);
          await gate.promise;
        })();
        const read = async () => ({ length: 100, chunks, close: async () => gate.resolve() });
        await sendFile(req, reply, { content: fileOf(100), downloads: { read }, disposition: 'inline' });
      });
    });
    const client = new RawClient(server.port).send(request());
    await client.hears('\0'.repeat(100));
    client.socket.destroy();
    await until(() => server.lines.some((line) => line.msg === 'request'), 'the log line');
    const line = server.lines.find(({ msg }) => msg === 'request');
    expect([line?.bytes, line?.aborted]).toEqual([100, undefined]);
  });

  it('ends reading that hangs', async () => {
    const downloads = await start(SIZE, {}, (fake) => {
      fake.hangAfter = 100_000;
    });
    const client = new RawClient(server.port).send(request());
    await client.hears('HTTP/1.1 200');
    await until(() => downloads.chunksMade === 2, 'the chunks before');
    client.socket.destroy();
    await until(() => downloads.open === 0 && server.telemetry.openOut === 0, 'everything closed');
  });

  it('leaves nothing open after 200 of them at once', async () => {
    const downloads = await start(100_000_000);
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const range = index % 3 === 0 ? ['range: bytes=0-99999,200000-90000000'] : [];
        const client = new RawClient(server.port).send(request(...range));
        if (index % 4 !== 0) await client.hears('HTTP/1.1 20', 20_000);
        if (index % 2 === 0) client.socket.destroy();
        else client.socket.resetAndDestroy();
        await client.closed;
      }),
    );
    await until(() => downloads.open === 0 && server.telemetry.openOut === 0, 'everything closed', 10_000);
    await until(() => server.lines.filter((line) => line.msg === 'request').length >= 150, 'the log lines');
    expect(server.lines.filter((line) => line.level === 50)).toEqual([]);
    expect(await server.app.drain(0)).toBe(0);
  }, 40_000);

  it('frees pipelined downloads that never got their turn', async () => {
    const downloads = await start(50_000_000);
    const client = new RawClient(server.port);
    client.socket.pause();
    client.send(request() + request() + request());
    await until(() => downloads.opened === 3, 'all three');
    client.socket.destroy();
    await until(() => downloads.open === 0 && server.telemetry.openOut === 0, 'everything closed');
  });

  it('cuts off a client that stops taking', async () => {
    const downloads = new FakeDownloads();
    server = await startServer(
      (app) => {
        app.get('/file', PUBLIC, async (req, reply) =>
          sendFile(req, reply, { content: fileOf(200_000_000), downloads, disposition: 'inline' }),
        );
      },
      { timeouts: { idleMs: 300 } },
    );
    const client = new RawClient(server.port).send(request());
    client.socket.pause();
    await until(() => downloads.opened === 1, 'the start');
    await until(() => downloads.open === 0, 'the end', 5000);
    client.socket.destroy();
  });

  it('gives an open download its time when the server drains, and then cuts it', async () => {
    const downloads = await start(SIZE, {}, (fake) => {
      fake.hangAfter = 100_000;
    });
    const client = new RawClient(server.port).send(request());
    await client.hears('HTTP/1.1 200');
    expect(await server.app.drain(100)).toBe(1);
    await client.closed;
    expect(downloads.open).toBe(0);
  });
});
