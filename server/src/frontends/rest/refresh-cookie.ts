import '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SignedIn } from '#core/accounts/sessions.ts';
import type { SignInAnswer } from '#core/accounts/sign-in.ts';
import { OsproxyError } from '#core/errors.ts';
import { challengeBody, signedInBody } from './account-presenters.ts';
import type { ChallengeBody, SignedInBody } from './account-schemas.ts';
import { BASE_PATH } from './context.ts';

const NAME = 'osproxy_refresh';

/** The tokens of a session that begins or goes on; for a page, the refresh token in a cookie that only the routes of signing in get. */
export function signedInAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  signedIn: SignedIn,
  { inCookie, publicUrl }: { inCookie: boolean; publicUrl: string | undefined },
): SignedInBody {
  const body = signedInBody(signedIn);
  if (!inCookie) return body;
  const { token, expiresAt } = signedIn.refresh;
  reply.setCookie(NAME, token, { ...optionsOf(request, publicUrl), expires: new Date(expiresAt) });
  const { refreshToken: _inCookie, ...rest } = body;
  return rest;
}

/** As signedInAnswer, or 202 with the challenge of the second factor. */
export function signInAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: SignInAnswer,
  options: { inCookie: boolean; publicUrl: string | undefined },
): SignedInBody | ChallengeBody {
  if (!('challenge' in answer)) return signedInAnswer(request, reply, answer, options);
  reply.code(202);
  return challengeBody(answer);
}

/** The refresh token of the body, else that of the cookie, which counts only on a request from a page of this service. */
export function shownRefreshToken(
  request: FastifyRequest,
  inBody: string | undefined,
  publicUrl: string | undefined,
): { readonly token: string | undefined; readonly inCookie: boolean } {
  if (inBody !== undefined) return { token: inBody, inCookie: false };
  const token = request.cookies[NAME];
  if (token === undefined) return { token, inCookie: false };
  requireOwnPage(request, publicUrl);
  return { token, inCookie: true };
}

export function forgetCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  publicUrl: string | undefined,
): void {
  reply.clearCookie(NAME, optionsOf(request, publicUrl));
}

/**
 * Throws PermissionDenied for a request that a page of another site made the browser send. Browsers say where a POST comes from; what does not say
 * so is no browser, and has no need of a cookie.
 */
export function requireOwnPage(request: FastifyRequest, publicUrl: string | undefined): void {
  const { 'sec-fetch-site': site, origin } = request.headers;
  if (site === 'same-origin') return;
  if (site === undefined && origin !== undefined && isOwn(origin, request, publicUrl)) return;
  throw new OsproxyError(
    'PermissionDenied',
    'A refresh token in a cookie can be used from a page of this service only; send the token in the body instead.',
  );
}

function isOwn(origin: string, request: FastifyRequest, publicUrl: string | undefined): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (publicUrl !== undefined) return url.origin === new URL(publicUrl).origin;
  return url.host === request.host && url.protocol === `${request.protocol}:`;
}

function optionsOf(request: FastifyRequest, publicUrl: string | undefined) {
  const base = publicUrl === undefined ? undefined : new URL(publicUrl);
  const prefix = base === undefined ? '' : base.pathname.replace(/\/+$/, '');
  const secure = base === undefined ? request.protocol === 'https' : base.protocol === 'https:';
  return { path: `${prefix}${BASE_PATH}/auth`, httpOnly: true, sameSite: 'strict', secure } as const;
}
