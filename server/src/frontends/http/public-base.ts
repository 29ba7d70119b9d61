import type { FastifyRequest } from 'fastify';

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
