import type { RateCounter, RateDecision, RateRule } from '#core/ports/rate-counter.ts';
import { type RedisLink, redisScript } from '../redis/redis-link.ts';
import { decide } from './window.ts';

/** The same arithmetic as `used` in window.ts, on the clock of Redis, so that all nodes see the same windows. */
const TAKE = redisScript(`
if redis.replicate_commands then redis.replicate_commands() end
local limit = tonumber(ARGV[1])
local window = tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local index = math.floor(now / window)
local known = redis.call('HMGET', KEYS[1], 'index', 'current', 'previous')
local current, previous = 0, 0
local at = tonumber(known[1])
if at == index then
  current, previous = tonumber(known[2]), tonumber(known[3])
elseif at == index - 1 then
  previous = tonumber(known[2])
end
local elapsed = now - index * window
local allowed = 0
if previous * (1 - elapsed / window) + current + 1 <= limit then
  allowed = 1
  current = current + 1
  redis.call('HSET', KEYS[1], 'index', string.format('%.0f', index), 'current', current, 'previous', previous)
  redis.call('PEXPIRE', KEYS[1], 2 * window)
end
return {allowed, current, previous, elapsed}`);

/** Counts over all processes that share Redis, and in this process alone while Redis is away. */
export class RedisRateCounter implements RateCounter {
  readonly #link: RedisLink;
  readonly #alone: RateCounter;

  /** `alone` is closed with this one; the link belongs to the caller. */
  constructor(options: { link: RedisLink; alone: RateCounter }) {
    this.#link = options.link;
    this.#alone = options.alone;
  }

  async take(key: string, rule: RateRule): Promise<RateDecision> {
    return (await this.#together(key, rule)) ?? this.#alone.take(key, rule);
  }

  close(): Promise<void> {
    return this.#alone.close();
  }

  async #together(key: string, rule: RateRule): Promise<RateDecision | undefined> {
    if (!this.#link.up) return undefined;
    const args = [String(rule.limit), String(rule.windowMs)];
    const reply = await this.#link.script(TAKE, this.#link.key(`rate:${key}`), args).catch(() => undefined);
    if (!Array.isArray(reply)) return undefined;
    const [allowed, current, previous, elapsedMs] = reply.map(Number);
    if (current === undefined || previous === undefined || elapsedMs === undefined) return undefined;
    return decide(allowed === 1, { current, previous, elapsedMs }, rule);
  }
}
