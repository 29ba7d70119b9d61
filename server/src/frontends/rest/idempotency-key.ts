import type { FastifyRequest } from 'fastify';

/** The client's own name for a creating request, as core.idempotency wants it. */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  return typeof key === 'string' ? key : undefined;
}
