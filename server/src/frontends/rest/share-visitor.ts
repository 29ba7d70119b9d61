import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ShareProof } from '#core/shares/share-passwords.ts';
import type { ShareCaller } from '#core/shares/share-visits.ts';
import { publicBaseOf } from '../http/public-base.ts';
import { sharedPath } from './share-presenters.ts';

/** Routes of visitors: a share is shown by its key in the path, and nothing else that a request carries counts. */
export const VISITOR = { access: { kind: 'public' }, ignoreCredentials: true } as const;

const COOKIE = 'osproxy_share';
const PROOF = /^[\w.-]{1,300}$/;

/** The cookie counts only where nothing is changed: another site may make a browser send it. */
export function visitorOf(request: FastifyRequest): ShareCaller {
  const { share: key } = request.params as { share: string };
  const header = request.headers['x-share-token'];
  const reads = request.method === 'GET' || request.method === 'HEAD';
  const proof = typeof header === 'string' ? header : reads ? cookieOf(request) : undefined;
  return { key, proof, address: request.exchange.remote ?? 'gone' };
}

/** For downloads by the browser: only requests for this share carry it, and no script sees it. */
export function giveProof(
  request: FastifyRequest,
  reply: FastifyReply,
  { key }: ShareCaller,
  { token, expiresAt }: ShareProof,
  publicUrl: string | undefined,
): void {
  const base = publicBaseOf(request, publicUrl);
  const prefix = base === undefined ? '' : new URL(base).pathname.replace(/\/+$/, '');
  const secure = base?.startsWith('https:') === true || request.protocol === 'https';
  const seconds = Math.max(1, Math.floor((expiresAt - Date.now()) / 1000));
  reply.header(
    'set-cookie',
    `${COOKIE}=${token}; Path=${prefix}${sharedPath(key)}; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`,
  );
}

function cookieOf({ headers }: FastifyRequest): string | undefined {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1 || pair.slice(0, equals).trim() !== COOKIE) continue;
    const value = pair.slice(equals + 1).trim();
    return PROOF.test(value) ? value : undefined;
  }
  return undefined;
}
