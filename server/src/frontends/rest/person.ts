import type { FastifyRequest } from 'fastify';
import type { Shown } from '#core/accounts/confirmation.ts';
import { OsproxyError } from '#core/errors.ts';
import type { PersonPrincipal } from '#core/model/principal.ts';
import type { Origin } from '#core/model/session.ts';

/** Who asks, on a route whose rule lets in people only. */
export function personOf({ principal }: FastifyRequest): PersonPrincipal {
  if (principal.kind === 'person') return principal;
  throw new OsproxyError('PermissionDenied', 'This call is for people who are signed in.');
}

/** Where the request comes from, for the list of sessions and for limits. */
export function originOf(request: FastifyRequest): Origin {
  return { address: request.exchange.remote, agent: request.headers['user-agent'], requestId: request.id };
}

/** What somebody shows on a route that adds or changes a way in. */
export function shownBy(request: FastifyRequest, password: string | undefined): Shown {
  const { userId, sessionId } = personOf(request);
  return { userId, sessionId, password, from: originOf(request) };
}
