import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Bodies up to this length are read to their end and forgotten, so that the connection can be used again. */
const SWALLOWED_BYTES = 64 * 1024;
/** What is read of a longer body after its answer, so that the client sees the answer and not a reset. */
const LINGER_BYTES = 64 * 1024 * 1024;
const LINGER_MS = 2000;

/** True when the client has, or may have, more of the body to send than is worth reading, or is too slow (408) to wait for. */
export function leavesBodyUnread(request: IncomingMessage, status = 0): boolean {
  if (request.complete) return false;
  if (status === 408) return true;
  if (request.headers['transfer-encoding'] !== undefined) return true;
  const length = Number(request.headers['content-length'] ?? 0);
  if (length === 0) return false;
  return length > SWALLOWED_BYTES || request.headers.expect !== undefined;
}

/** Sends the whole answer at once, then reads a little of what the client still sends, then lets the connection end. */
export function lingering(request: FastifyRequest, reply: FastifyReply, payload: unknown): unknown {
  reply.header('connection', 'close');
  const { raw } = request;
  if (raw.headers.expect !== undefined && raw.listenerCount('resume') > 0) return payload;
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
  const bytes = Buffer.from(payload as string);
  if (bytes.length === 0) return payload;
  reply.header('content-length', bytes.length);
  return Readable.from(answerThenDiscard(bytes, raw), { objectMode: false });
}

async function* answerThenDiscard(answer: Buffer, request: IncomingMessage): AsyncGenerator<Buffer> {
  yield answer;
  await discard(request);
}

function discard(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let seen = 0;
    const finish = (): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', finish).off('close', finish);
      request.pause();
      resolve();
    };
    const onData = (chunk: Buffer): void => {
      seen += chunk.length;
      if (seen >= LINGER_BYTES) finish();
    };
    const timer = setTimeout(finish, LINGER_MS);
    request.on('data', onData).once('end', finish).once('close', finish);
    request.resume();
  });
}
