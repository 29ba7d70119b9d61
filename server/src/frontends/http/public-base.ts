import type { FastifyRequest } from 'fastify';
import { OsproxyError } from '#core/errors.ts';

const HOST = /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * The base of URLs in answers: the configured one, else the address that a trusted proxy says the client used. Undefined where the client
 * came without one; then a path will do.
 */
export function publicBaseOf(request: FastifyRequest, configured: string | undefined): string | undefined {
  if (configured !== undefined) return configured;
  const throughProxy = (request.ips?.length ?? 0) > 1;
  if (!throughProxy || !HOST.test(request.host)) return undefined;
  return `${request.protocol === 'https' ? 'https' : 'http'}://${request.host}`;
}

/**
 * The base of an address that another service sends browsers back to, where nothing a client says may decide: the configured one, what a trusted proxy says, or
 * the address of this machine for whoever works on it. Throws Unavailable where none is known.
 */
export function returnBaseOf(request: FastifyRequest, configured: string | undefined): string {
  const base = publicBaseOf(request, configured);
  if (base !== undefined) return base.replace(/\/+$/, '');
  if (/^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(request.host)) return `http://${request.host}`;
  throw new OsproxyError(
    'Unavailable',
    'This service does not know the address that browsers use for it; whoever runs it has to set publicUrl.',
    { retryable: false },
  );
}
