import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AccessRule, admit } from '#core/access.ts';
import type { Authenticator, Credentials } from '#core/authentication.ts';
import { EMPTY_SHA256 } from '#core/cluster/peer-signature.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Principal } from '#core/model/principal.ts';
import { type RateLimits, rateLimited } from '#core/rate-limits.ts';
import { tellRate } from './rate-limit-headers.ts';

/** What the request shows: `Authorization: Bearer <key>` or `Link <token>`, `X-Api-Key`, and `?link=` where the rule takes links. */
function credentialsOf(request: FastifyRequest, rule: AccessRule): Credentials | undefined {
  const { authorization } = request.headers;
  if (rule.kind === 'peer')
    return authorization === undefined ? undefined : { peer: peerOf(request, authorization) };
  if (authorization !== undefined) {
    const space = authorization.indexOf(' ');
    const scheme = (space === -1 ? authorization : authorization.slice(0, space)).toLowerCase();
    if (scheme === 'bearer' || scheme === 'link') {
      const secret = space === -1 ? '' : authorization.slice(space + 1).trim();
      if (secret === '') {
        throw new OsproxyError(
          'Unauthenticated',
          `The Authorization header names ${scheme} but gives no value.`,
        );
      }
      return scheme === 'bearer' ? { apiKey: secret } : { linkToken: secret };
    }
  }
  const apiKey = request.headers['x-api-key'];
  if (typeof apiKey === 'string' && apiKey !== '') return { apiKey };
  if (rule.kind === 'service' && rule.link !== undefined) return linkInQuery(request);
  return undefined;
}

/** No call between nodes has a body, so the signature is checked against an empty one. */
function peerOf({ raw }: FastifyRequest, header: string) {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = raw.headers;
  if (length !== '0' || coding !== undefined)
    throw new OsproxyError('Unauthenticated', 'The body is not the one that was signed.');
  return { header, method: raw.method ?? '', target: raw.url ?? '', bodySha256: EMPTY_SHA256 };
}

function linkInQuery(request: FastifyRequest): Credentials | undefined {
  const { link } = request.query as { link?: unknown };
  if (link === undefined) return undefined;
  if (typeof link === 'string' && link !== '') return { linkToken: link };
  throw new OsproxyError(
    'InvalidArgument',
    'Query parameter "link" must be given once, with a token as its value.',
    {
      details: { field: 'link' },
    },
  );
}

/** Lets nobody past a route's rule or a limit; a route without a rule must never have been started. */
export function guardRoutes(
  app: FastifyInstance,
  authenticator: Authenticator,
  limits: RateLimits | undefined,
): void {
  const limited = limits !== undefined && limits.requestsPerMinute > 0;
  app.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
    if (request.is404) return done();
    const { access, ignoreCredentials, unlimited } = request.routeOptions.config;
    const credentials = ignoreCredentials === true ? undefined : credentialsOf(request, access);
    const counted = limited && unlimited !== true;
    if (credentials === undefined && !counted) {
      admit(access, request.principal);
      return done();
    }
    const identified = credentials === undefined ? undefined : identify(request, credentials);
    Promise.resolve(identified)
      .then((principal) => {
        if (principal !== undefined) request.exchange.principal = principal;
        return counted ? count(limits, request, reply) : undefined;
      })
      .then(() => admit(access, request.principal))
      .then(() => done(), done);
  });

  function identify(request: FastifyRequest, credentials: Credentials): Promise<Principal> {
    const address = addressOf(request);
    const check = (shown: Credentials) => authenticator.authenticate(shown, request.exchange.remote);
    return limits === undefined ? check(credentials) : limits.authenticate(credentials, address, check);
  }
}

/** Those who were gone before they could be asked for their address count as one. */
function addressOf({ exchange }: FastifyRequest): string {
  return exchange.remote ?? 'gone';
}

/** Counts the request and says in the answer what is left; throws RateLimited when nothing was. */
async function count(limits: RateLimits, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const decision = await limits.take(request.principal, addressOf(request));
  if (decision === undefined) return;
  tellRate(reply, limits.requestsPerMinute, decision);
  if (!decision.allowed) throw rateLimited(decision);
}
