import type { FastifyContextConfig, FastifyRequest } from 'fastify';
import type { Core } from '#core/core.ts';
import { OsproxyError } from '#core/errors.ts';
import type { PersonPrincipal } from '#core/model/principal.ts';
import type { Origin } from '#core/model/session.ts';

export interface FilestoreOptions {
  readonly core: Core;
  /** Bytes of one part, and of a file sent in one go. */
  readonly maxPartBytes: number;
  readonly maxFileBytes: number;
  /** Milliseconds without a byte of an upload after which it is given up. */
  readonly idleTimeoutMs: number;
  /** Where people find the web app. */
  readonly webUrl: string;
}

/** Calls of people who are signed in. */
export const SIGNED_IN: FastifyContextConfig = { access: { kind: 'person' } };
/** Calls that nobody needs to be signed in for. */
export const OPEN: FastifyContextConfig = { access: { kind: 'public' }, ignoreCredentials: true };

/** Who asks, on a call of people. */
export function personOf({ principal }: FastifyRequest): PersonPrincipal {
  if (principal.kind === 'person') return principal;
  throw new OsproxyError('PermissionDenied', 'This call is for people who are signed in.');
}

/** Where the request comes from, for the list of sessions and for limits. */
export function originOf(request: FastifyRequest): Origin {
  return { address: request.exchange.remote, agent: request.headers['user-agent'], requestId: request.id };
}
