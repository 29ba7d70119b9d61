import type { FastifyReply } from 'fastify';
import type { RateDecision } from '#core/ports/rate-counter.ts';
import { RATE_WINDOW_SECONDS } from '#core/rate-limits.ts';

/** RateLimit and RateLimit-Policy as in draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4. */
export function tellRate(reply: FastifyReply, limit: number, { remaining, resetMs }: RateDecision): void {
  reply.header('ratelimit-policy', `"requests";q=${limit};w=${RATE_WINDOW_SECONDS}`);
  reply.header('ratelimit', `"requests";r=${remaining};t=${Math.ceil(resetMs / 1000)}`);
}
