import type { FastifyRequest } from 'fastify';
import { actorOf, originOf } from '#core/audit/caller.ts';
import type { Caller } from '#core/model/audit.ts';

/** Who sent the request, and from where, for the audit log. */
export function callerOf(request: FastifyRequest): Caller {
  return {
    actor: actorOf(request.principal),
    origin: originOf({
      address: request.exchange.remote,
      userAgent: request.headers['user-agent'],
      requestId: request.id,
    }),
  };
}
