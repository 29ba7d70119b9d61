import type { Cache } from '#core/ports/cache.ts';
import { RedisCache } from '#drivers/cache/redis.ts';
import type { RedisLink } from '#drivers/redis/redis-link.ts';
import type { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';

/** What the service counts about Redis, where there is one. */
export function addRedisMetrics(telemetry: PrometheusTelemetry, link: RedisLink, cache: Cache): void {
  const one = (value: number) => [{ labels: {}, value }];
  telemetry.addGauge({
    name: 'osproxy_redis_up',
    help: '1 while Redis answers, 0 while the service goes on without it.',
    labels: [],
    collect: async () => one(link.up ? 1 : 0),
  });
  telemetry.addCounter({
    name: 'osproxy_redis_failures_total',
    help: 'Commands that Redis refused or did not answer in time.',
    labels: [],
    collect: async () => one(link.counts.failures),
  });
  telemetry.addCounter({
    name: 'osproxy_redis_losses_total',
    help: 'Times that Redis was lost.',
    labels: [],
    collect: async () => one(link.counts.losses),
  });
  if (!(cache instanceof RedisCache)) return;
  telemetry.addCounter({
    name: 'osproxy_cache_lookups_total',
    help: 'Look-ups of file records by who answered: this process (near), Redis (shared) or the database (missed).',
    labels: ['tier'],
    collect: async () => Object.entries(cache.counts).map(([tier, value]) => ({ labels: { tier }, value })),
  });
}
