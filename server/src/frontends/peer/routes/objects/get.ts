import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PeerObjects } from '#core/cluster/peer-objects.ts';
import { MODIFIED_HEADER, PROOF_HEADER, SIZE_HEADER } from '#core/cluster/peer-signature.ts';
import type { StoredObject } from '#core/ports/storage-driver.ts';
import { Outlet } from '../../../http/outlet.ts';
import type { HttpServer } from '../../../http/server.ts';
import { ObjectParams, peerOf, RangeQuery, rangeOf } from '../../object-path.ts';

const schema = { hide: true, params: ObjectParams, querystring: RangeQuery };

/** GET gives the bytes, HEAD what stat says. */
export function getObject(scope: HttpServer, objects: PeerObjects): void {
  const config = { access: { kind: 'peer' } } as const;
  scope.get('/objects/:store/*', { config, schema }, async (request, reply) => {
    const { store, '*': key } = request.params;
    if (request.method === 'HEAD') {
      const { size, modifiedAt } = await objects.stat(store, key, request.abort);
      reply.hijack();
      reply.raw.writeHead(200, {
        ...headersOf(request, reply, size),
        [MODIFIED_HEADER]: String(modifiedAt.getTime()),
      });
      reply.raw.end();
      return;
    }
    const range = rangeOf(request.query);
    const object = await objects.open(store, key, range, request.abort);
    await send(request, reply, object, range?.length ?? object.size);
  });
}

/** Never rejects: the answer has begun. A failure ends the connection, so that nobody takes a part for the whole. */
async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  object: StoredObject,
  length: number,
): Promise<void> {
  const { exchange } = request;
  exchange.onGone(() => void object.close().catch(() => {}));
  try {
    if (exchange.reason !== undefined) return;
    const headers = headersOf(request, reply, object.size);
    reply.hijack();
    reply.raw.writeHead(200, { ...headers, 'content-length': length });
    if (object.bytes?.length === length) {
      exchange.bytesOut = length;
      reply.raw.end(object.bytes);
      return;
    }
    // Bytes between nodes are no transfer of a client's.
    const outlet = new Outlet(exchange, () => {});
    if (await outlet.pump(object.chunks, length)) reply.raw.end();
    else reply.raw.destroy();
  } catch (error) {
    if (exchange.reason === undefined) request.log.error({ err: error }, 'an answer to a peer broke off');
    reply.raw.destroy();
  } finally {
    await object.close().catch(() => {});
  }
}

function headersOf(request: FastifyRequest, reply: FastifyReply, size: number) {
  const proof = peerOf(request.principal).prove({ status: 200, code: '', size });
  return {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'application/octet-stream',
    'cache-control': 'no-store',
    [SIZE_HEADER]: String(size),
    [PROOF_HEADER]: proof,
    ...(request.exchange.lastOfConnection() ? { connection: 'close' } : {}),
  };
}
