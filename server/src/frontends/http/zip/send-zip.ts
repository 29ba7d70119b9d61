import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Archive } from '#core/archive/archive.ts';
import { attachmentHeaders } from '../file-headers.ts';
import { Outlet } from '../outlet.ts';
import { leavesBodyUnread } from '../unread-body.ts';
import { safeName } from './member-names.ts';
import { ZipStream } from './zip-stream.ts';

/**
 * Answers GET and HEAD with a ZIP and closes the archive. Rejects only before the answer has begun; when a file fails later the connection is cut, so
 * that nobody takes a part for the whole.
 */
export async function sendZip(request: FastifyRequest, reply: FastifyReply, archive: Archive): Promise<void> {
  const { exchange, server } = request;
  let chunks: AsyncGenerator<Uint8Array> | undefined;
  const closeTransfer = server.telemetry.transferOpened('out');
  try {
    const zip = await ZipStream.of(archive);
    const headers: OutgoingHttpHeaders = {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-length': zip.length,
      'accept-ranges': 'none',
      'cache-control': 'private, no-store',
      ...attachmentHeaders(`${safeName(archive.name)}.zip`, 'application/zip'),
    };
    if (exchange.lastOfConnection() || leavesBodyUnread(request.raw)) headers.connection = 'close';
    if (request.method === 'HEAD') {
      begin(reply, headers);
      reply.raw.end();
      return;
    }
    chunks = zip.chunks(request.abort);
    // The first file is open, or it is said that it is not, before the answer begins.
    const first = await chunks.next();
    if (exchange.reason !== undefined) return;
    exchange.transfer ??= { kind: 'download', owner: archive.owner, store: '' };
    exchange.bytesPromised = zip.length;
    const outlet = new Outlet(exchange, (direction, bytes) => server.telemetry.transferred(direction, bytes));
    begin(reply, headers);
    try {
      if (await outlet.pump(from(first, chunks), zip.length)) reply.raw.end();
      else reply.raw.destroy();
    } catch (error) {
      if (exchange.reason === undefined) {
        request.log.error({ err: error }, 'an archive broke off after its headers were sent');
      }
      reply.raw.destroy();
    }
  } finally {
    await chunks?.return(undefined).catch(() => {});
    archive.close();
    closeTransfer();
  }
}

function begin(reply: FastifyReply, headers: OutgoingHttpHeaders): void {
  reply.hijack();
  reply.raw.writeHead(200, headers);
}

async function* from(
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
