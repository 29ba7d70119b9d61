import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type OsproxyError, toOsproxyError } from '#core/errors.ts';
import { type FormFileOptions, receiveFormFile } from './multipart.ts';
import { leaveBodiesToRoutes } from './receive.ts';
import { PUBLIC, RawClient, startServer, type TestServer, until } from './test-server.ts';

let server: TestServer;
afterEach(async () => server?.app.close());

interface Outcome {
  filename?: string | undefined;
  fields?: Record<string, string>;
  content: Buffer;
  complete: boolean;
  error?: OsproxyError;
}

async function start(options: Partial<FormFileOptions> = {}, slowMs = 0): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  server = await startServer((app) => {
    app.register(async (scope) => {
      leaveBodiesToRoutes(scope);
      scope.put('/form', PUBLIC, async (request) => {
        const outcome: Outcome = { content: Buffer.alloc(0), complete: false };
        const kept: Buffer[] = [];
        try {
          const file = await receiveFormFile(request, {
            field: 'file',
            maxBytes: 2 ** 30,
            idleTimeoutMs: 5000,
            ...options,
          });
          Object.assign(outcome, {
            filename: file.filename,
            fields: Object.fromEntries(file.fields),
          });
          for await (const chunk of file.chunks) {
            kept.push(Buffer.from(chunk));
            if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
          }
          outcome.complete = true;
        } catch (error) {
          outcome.error = toOsproxyError(error);
          throw error;
        } finally {
          outcome.content = Buffer.concat(kept);
          outcomes.push(outcome);
        }
        return { bytes: outcome.content.length };
      });
    });
  });
  return outcomes;
}

const B = 'XxBoUnDaRyxX';
const TYPE = { 'content-type': `multipart/form-data; boundary=${B}` };
const part = (headers: string, content: string | Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`--${B}\r\n${headers}\r\n\r\n`),
    Buffer.from(content as string),
    Buffer.from('\r\n'),
  ]);
const filePart = (content: string | Buffer, filename = 'a.txt', name = 'file'): Buffer =>
  part(
    `Content-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: text/plain`,
    content,
  );
const fieldPart = (name: string, value: string): Buffer =>
  part(`Content-Disposition: form-data; name="${name}"`, value);
const form = (...parts: Buffer[]): Buffer => Buffer.concat([...parts, Buffer.from(`--${B}--\r\n`)]);
const put = (body: Buffer | string, headers: Record<string, string> = TYPE) =>
  fetch(`${server.origin}/form`, { method: 'PUT', body: body as string, headers });

describe('receiveFormFile', () => {
  it('reads what fetch sends', async () => {
    const outcomes = await start();
    const content = randomBytes(5_000_000);
    const data = new FormData();
    data.append('md5', 'abc');
    data.append('file', new File([content], '名前 "x".bin', { type: 'image/png' }));
    data.append('after', 'ignored');
    const answer = await fetch(`${server.origin}/form`, { method: 'PUT', body: data });
    expect(await answer.json()).toEqual({ bytes: content.length });
    expect(outcomes[0]?.content.equals(content)).toBe(true);
    expect(outcomes[0]).toMatchObject({ fields: { md5: 'abc' }, complete: true });
    expect(outcomes[0]?.filename).toContain('名前');
  });

  it('takes the file of the name and ignores the rest', async () => {
    const outcomes = await start();
    const body = form(
      fieldPart('a', '1'),
      filePart('other', 'o.bin', 'other'),
      filePart('first'),
      filePart(randomBytes(600_000), 'big', 'junk'),
      fieldPart('b', '2'),
    );
    expect(await (await put(body)).json()).toEqual({ bytes: 5 });
    expect(outcomes[0]).toMatchObject({ filename: 'a.txt', fields: { a: '1' } });
    expect(outcomes[0]?.content.toString()).toBe('first');
  });

  it('refuses a form with two files of the name, whatever is between them', async () => {
    const outcomes = await start();
    for (const between of [[], [fieldPart('b', '2'), filePart(randomBytes(600_000), 'big', 'junk')]]) {
      const answer = await put(form(filePart('first'), ...between, filePart('second')));
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        code: 'InvalidArgument',
        detail: 'The form has more than one part named "file"; send one file per form.',
      });
    }
    expect(outcomes.map(({ complete }) => complete)).toEqual([false, false]);
  });

  it('reads empty files, files without a name, a preamble and an epilogue', async () => {
    const outcomes = await start();
    expect(await (await put(form(filePart('')))).json()).toEqual({ bytes: 0 });
    expect(await (await put(form(fieldPart('file', 'plain')))).json()).toEqual({ bytes: 5 });
    const surrounded = Buffer.concat([Buffer.from('hello\r\n'), form(filePart('abc')), Buffer.from('bye')]);
    expect(await (await put(surrounded)).json()).toEqual({ bytes: 3 });
    expect(outcomes.every((outcome) => outcome.complete)).toBe(true);
  });

  it.each([
    ['another type', { 'content-type': 'application/json' }, '{}', 415, /multipart\/form-data/],
    ['no boundary', { 'content-type': 'multipart/form-data' }, 'x', 400, /boundary/],
    [
      'too long a boundary',
      { 'content-type': `multipart/form-data; boundary=${'b'.repeat(71)}` },
      'x',
      400,
      /boundary/,
    ],
    ['no form', TYPE, 'just some text', 400, /closing boundary/],
    ['nothing', TYPE, '', 400, /closing boundary/],
    [
      'another boundary',
      { 'content-type': 'multipart/form-data; boundary=other' },
      form(filePart('abc')),
      400,
      /closing boundary/,
    ],
    ['no such part', TYPE, form(fieldPart('a', 'b')), 400, /no part named "file"/],
    ['no part at all', TYPE, form(), 400, /no part named "file"/],
    ['no closing boundary', TYPE, filePart('abc'), 400, /closing boundary/],
    [
      'no closing boundary after a whole file',
      TYPE,
      Buffer.concat([filePart('abc'), fieldPart('b', '2')]),
      400,
      /closing boundary/,
    ],
    ['an end within the file', TYPE, filePart('abcdefghijkl').subarray(0, -8), 400, /closing boundary/],
    ['an end within the headers', TYPE, filePart('abc').subarray(0, 40), 400, /closing boundary/],
    [
      'too many parts',
      TYPE,
      form(...Array.from({ length: 70 }, (_, i) => fieldPart(`f${i}`, 'x')), filePart('a')),
      400,
      /64 parts/,
    ],
    ['too large fields', TYPE, form(fieldPart('a', 'x'.repeat(70_000)), filePart('a')), 400, /65536 bytes/],
    ['too long a name', TYPE, form(filePart('a', 'n'.repeat(5000))), 400, /file name/],
    ['endless headers', TYPE, form(filePart('a', 'n'.repeat(100_000))), 400, /file name|no part named/],
  ])('refuses %s', async (_what, headers, body, status, message) => {
    const outcomes = await start();
    const answer = await put(body as Buffer | string, headers as Record<string, string>);
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { detail: string }).detail).toMatch(message);
    expect(outcomes[0]?.complete).toBe(false);
    expect(server.telemetry.openIn).toBe(0);
  });

  it('refuses too large a file', async () => {
    const outcomes = await start({ maxBytes: 1000 });
    expect((await put(form(filePart(randomBytes(1001))))).status).toBe(413);
    expect(outcomes[0]).toMatchObject({ complete: false, error: { code: 'TooLarge' } });
    expect((await put(form(filePart(randomBytes(1000))))).status).toBe(200);
    const huge = await put(form(filePart(randomBytes(3_000_000))));
    expect(huge.status).toBe(413);
  });

  it('knows a broken connection from a broken form', async () => {
    const outcomes = await start();
    const body = form(filePart('abcdefghijkl'));
    const head = `PUT /form HTTP/1.1\r\nhost: x\r\ncontent-type: ${TYPE['content-type']}\r\ncontent-length: ${body.length}\r\n\r\n`;
    const client = new RawClient(server.port).send(head).send(body.subarray(0, -20));
    await until(() => server.telemetry.in === body.length - 20, 'the first bytes');
    client.socket.destroy();
    await until(() => outcomes.length === 1, 'the outcome');
    expect(outcomes[0]).toMatchObject({ complete: false, error: { code: 'Cancelled' } });
  });

  it('gives up on a silent client', async () => {
    await start({ idleTimeoutMs: 150 });
    const head = `PUT /form HTTP/1.1\r\nhost: x\r\ncontent-type: ${TYPE['content-type']}\r\ncontent-length: 1000\r\n\r\n`;
    const client = new RawClient(server.port).send(head).send(filePart('abc').subarray(0, -4));
    await client.hears('HTTP/1.1 408');
    await client.closed;
  });

  it('holds a fast client back while the consumer is slow', async () => {
    await start({}, 20);
    const size = 64 * 1024 * 1024;
    const head = `PUT /form HTTP/1.1\r\nhost: x\r\ncontent-type: ${TYPE['content-type']}\r\ncontent-length: ${size + 1000}\r\n\r\n`;
    const client = new RawClient(server.port).send(head).send(filePart('').subarray(0, -2));
    for (let sent = 0; sent < size; sent += 1024 * 1024) client.socket.write(Buffer.alloc(1024 * 1024));
    await until(() => server.telemetry.in > 1000, 'the first bytes');
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(server.telemetry.in).toBeLessThan(8 * 1024 * 1024);
    client.socket.destroy();
    await until(() => server.telemetry.openIn === 0, 'the end');
  });

  it('finds the file whatever it holds and wherever the network cuts it', async () => {
    const outcomes = await start();
    const nasty = fc.array(
      fc.constantFrom('\r', '\n', '-', `\r\n--${B.slice(0, 5)}`, `--${B}`, 'x', '\r\n--', '\0'),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(
        nasty,
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 }),
        async (pieces, cuts) => {
          const content = pieces.join('').replaceAll(`--${B}`, '');
          const body = form(fieldPart('a', 'b'), filePart(content));
          outcomes.length = 0;
          const client = new RawClient(server.port);
          client.socket.setNoDelay(true);
          client.send(
            `PUT /form HTTP/1.1\r\nhost: x\r\ncontent-type: ${TYPE['content-type']}\r\ncontent-length: ${body.length}\r\n\r\n`,
          );
          let at = 0;
          for (const cut of cuts) {
            client.send(body.subarray(at, at + cut));
            at += cut;
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
          client.send(body.subarray(at));
          await client.hears('{"bytes"');
          client.socket.destroy();
          expect(outcomes[0]?.content.toString('latin1')).toBe(content);
        },
      ),
      { numRuns: 60 },
    );
  }, 30_000);
});
