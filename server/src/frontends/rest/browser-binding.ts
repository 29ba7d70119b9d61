import '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Sign-ins that one browser may have begun at the same time, in tabs of their own. */
const MOST = 5;
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/**
 * The cookie that ties a sign-in with another service to the browser that began it. It comes back with the redirect of that service, so it is Lax; the prefix
 * keeps other hosts of the domain from setting it (RFC 6265bis, 4.1.3.2).
 */
function nameOf(isSecure: boolean): string {
  return isSecure ? '__Host-osproxy_sign_in' : 'osproxy_sign_in';
}

/** What the browser kept, the newest last. */
export function bindingsOf({ cookies }: FastifyRequest, base: string): readonly string[] {
  const values = cookies[nameOf(isSecure(base))]?.split('.') ?? [];
  return values.filter((value) => SECRET.test(value)).slice(-MOST);
}

/** Makes the browser keep these for so many seconds, or nothing where there are none. */
export function keepBindings(
  reply: FastifyReply,
  bindings: readonly string[],
  base: string,
  seconds: number,
): void {
  const kept = bindings.slice(-MOST);
  const secure = isSecure(base);
  reply.setCookie(nameOf(secure), kept.join('.'), {
    ...{ path: '/', maxAge: kept.length === 0 ? 0 : seconds, httpOnly: true, sameSite: 'lax', secure },
  });
}

function isSecure(base: string): boolean {
  return base.startsWith('https:');
}
