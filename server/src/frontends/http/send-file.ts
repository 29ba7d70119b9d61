import { randomBytes } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Downloads, FileBody } from '#core/downloads.ts';
import { OsproxyError } from '#core/errors.ts';
import type { FileContent } from '#core/model/file.ts';
import type { ByteRange } from '#core/ports/storage-driver.ts';
import { evaluateConditions, rangeStillApplies } from './conditionals.ts';
import { entityTag, type Presentation, presentationHeaders } from './file-headers.ts';
import { Outlet } from './outlet.ts';
import { contentRange, type RangeSelection, selectRanges } from './ranges.ts';
import { leavesBodyUnread } from './unread-body.ts';

export interface SendFileOptions extends Presentation {
  readonly content: FileContent;
  readonly downloads: Pick<Downloads, 'read'>;
  /** Tells what is made from a file from the file itself, in its entity tag. */
  readonly variant?: string;
  /** Names the content where the uid of the file must not be seen. */
  readonly etag?: string;
  /** Awaited right before the first byte of content is opened, not for HEAD, 304 and what is refused; may refuse as well. */
  readonly beforeBytes?: (() => Promise<void>) | undefined;
  /** For so long a browser may show it again without asking; default: it always asks. */
  readonly maxAgeSeconds?: number;
}

/** Reads up to this length are over before it would pay to cancel them. */
const UNCANCELLED_BYTES = 64 * 1024;

/**
 * Answers GET and HEAD for a file: preconditions, ranges, safe headers, then the bytes. Rejects only before the answer has begun, so that
 * the front end's error handler can speak; a failure later ends the connection, so that nobody takes a part for the whole.
 */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  options: SendFileOptions,
): Promise<void> {
  const { file } = options.content;
  const validators = { etag: options.etag ?? entityTag(file, options.variant), modifiedAt: file.updatedAt };
  const { headers } = request.raw;
  const base: OutgoingHttpHeaders = {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    etag: validators.etag,
    'last-modified': httpDate(file.updatedAt),
    'accept-ranges': 'bytes',
    'cache-control':
      options.maxAgeSeconds === undefined ? 'private, no-cache' : `private, max-age=${options.maxAgeSeconds}`,
    ...presentationHeaders(file, options),
  };
  const verdict = evaluateConditions(headers, validators);
  if (verdict === 'precondition-failed') {
    reply.header('etag', validators.etag);
    throw new OsproxyError('PreconditionFailed', 'The file is not in the state that this request requires.');
  }
  const answer = new Answer(request, reply, options, base);
  if (verdict === 'not-modified') return answer.notModified();
  // §14.2: Range is defined for GET only.
  const wanted = request.method === 'GET' && rangeStillApplies(headers, validators, Date.now());
  const selection: RangeSelection = selectRanges(wanted ? headers.range : undefined, file.size);
  switch (selection.kind) {
    case 'unsatisfiable':
      reply.header('content-range', `bytes */${file.size}`);
      throw new OsproxyError(
        'RangeNotSatisfiable',
        `The file has ${file.size} bytes; the range lies outside.`,
        {
          details: { size: file.size },
        },
      );
    case 'single':
      return answer.part(selection.range);
    case 'several':
      return answer.parts(selection.ranges);
    default:
      return answer.whole();
  }
}

class Answer {
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #options: SendFileOptions;
  readonly #headers: OutgoingHttpHeaders;
  #begun = false;

  constructor(
    request: FastifyRequest,
    reply: FastifyReply,
    options: SendFileOptions,
    headers: OutgoingHttpHeaders,
  ) {
    this.#request = request;
    this.#reply = reply;
    this.#options = options;
    this.#headers = headers;
    if (request.exchange.lastOfConnection() || leavesBodyUnread(request.raw)) headers.connection = 'close';
  }

  notModified(): void {
    // §15.4.5: nothing that describes a content which is not sent.
    const { 'content-type': _type, 'content-disposition': _disposition, ...headers } = this.#headers;
    this.#begin(304, headers);
    this.#reply.raw.end();
  }

  async whole(): Promise<void> {
    const { size } = this.#options.content.file;
    this.#headers['content-length'] = size;
    if (this.#request.method === 'HEAD') {
      this.#begin(200, this.#headers);
      this.#reply.raw.end();
      return;
    }
    await this.#send(200, await this.#read(undefined, size));
  }

  async part(range: ByteRange): Promise<void> {
    const { size } = this.#options.content.file;
    this.#headers['content-length'] = range.length;
    this.#headers['content-range'] = contentRange(range, size);
    await this.#send(206, await this.#read(range, range.length));
  }

  /** §14.6: multipart/byteranges; the bytes of the next range are opened when the one before is out. */
  async parts(ranges: readonly ByteRange[]): Promise<void> {
    const { size } = this.#options.content.file;
    const boundary = randomBytes(18).toString('hex');
    const type = this.#headers['content-type'];
    const leads = ranges.map((range) =>
      Buffer.from(
        `\r\n--${boundary}\r\ncontent-type: ${type}\r\ncontent-range: ${contentRange(range, size)}\r\n\r\n`,
      ),
    );
    const close = Buffer.from(`\r\n--${boundary}--\r\n`);
    this.#headers['content-type'] = `multipart/byteranges; boundary=${boundary}`;
    this.#headers['content-length'] =
      leads.reduce((sum, lead) => sum + lead.length, close.length) +
      ranges.reduce((sum, range) => sum + range.length, 0);
    const [firstRange] = ranges;
    if (firstRange === undefined) throw new OsproxyError('Internal', 'An answer of several ranges has none.');
    const first = await this.#read(firstRange, Number.POSITIVE_INFINITY);
    await this.#stream(206, first, async (outlet) => {
      for (const [index, range] of ranges.entries()) {
        const lead = leads[index];
        if (lead === undefined || !(await outlet.write(lead))) return false;
        const body = index === 0 ? first : await this.#read(range, Number.POSITIVE_INFINITY);
        if (!(await pumpAndClose(outlet, body))) return false;
      }
      return outlet.write(close);
    });
  }

  async #read(range: ByteRange | undefined, length: number): Promise<FileBody> {
    const { content, downloads, beforeBytes } = this.#options;
    if (!this.#begun) await beforeBytes?.();
    this.#begun = true;
    const { uid, owner } = content.file;
    const store = content.parts[0]?.placements[0]?.store ?? '';
    this.#request.exchange.transfer ??= { kind: 'download', uid, owner, store };
    const signal = length <= UNCANCELLED_BYTES ? undefined : this.#request.abort;
    const body = await downloads.read(content, range, signal);
    const expected = range?.length ?? content.file.size;
    if (body.length === expected && (body.bytes === undefined || body.bytes.length === expected)) return body;
    await body.close();
    throw new OsproxyError('Internal', 'The content was opened with another length than it has.');
  }

  async #send(status: number, body: FileBody): Promise<void> {
    if (body.bytes === undefined) {
      await this.#stream(status, body, (outlet) => pumpAndClose(outlet, body));
      return;
    }
    const { exchange, server } = this.#request;
    const { bytes } = body;
    this.#begin(status, this.#headers);
    this.#reply.raw.end(bytes);
    exchange.bytesOut = bytes.length;
    server.telemetry.transferred('out', bytes.length);
    await body.close();
  }

  /** Never rejects: the answer has begun. */
  async #stream(status: number, opened: FileBody, send: (outlet: Outlet) => Promise<boolean>): Promise<void> {
    const { exchange, server } = this.#request;
    const closeTransfer = server.telemetry.transferOpened('out');
    // Reading that hangs is ended from outside when nobody waits for it any more.
    exchange.onGone(() => void opened.close().catch(() => {}));
    try {
      if (exchange.reason !== undefined) return;
      const outlet = new Outlet(exchange, (direction, bytes) =>
        server.telemetry.transferred(direction, bytes),
      );
      exchange.bytesPromised = Number(this.#headers['content-length']);
      this.#begin(status, this.#headers);
      if (await send(outlet)) this.#reply.raw.end();
      else this.#reply.raw.destroy();
    } catch (error) {
      if (exchange.reason === undefined) {
        this.#request.log.error({ err: error }, 'an answer broke off after its headers were sent');
      }
      this.#reply.raw.destroy();
    } finally {
      closeTransfer();
      await opened.close().catch(() => {});
    }
  }

  #begin(status: number, headers: OutgoingHttpHeaders): void {
    this.#reply.hijack();
    this.#reply.raw.writeHead(status, headers);
  }
}

async function pumpAndClose(outlet: Outlet, body: FileBody): Promise<boolean> {
  try {
    if (body.bytes !== undefined) return await outlet.write(body.bytes);
    return await outlet.pump(body.chunks, body.length);
  } finally {
    await body.close();
  }
}

let lastDate = Number.NaN;
let lastText = '';

/** Files of one batch share their second; the last text is kept. */
function httpDate(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds !== lastDate) {
    lastDate = seconds;
    lastText = new Date(ms).toUTCString();
  }
  return lastText;
}
