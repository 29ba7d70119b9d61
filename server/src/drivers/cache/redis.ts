import { randomUUID } from 'node:crypto';
import type { Cache } from '#core/ports/cache.ts';
import { type RedisLink, redisScript } from '../redis/redis-link.ts';
import { decode, encode } from './json-codec.ts';
import { type Dated, MemoryCache, requireTtl } from './memory.ts';

/** In the keys, so that versions of this service which write entries of another form do not read each other's. */
const FORM = 'cache1:';
/** Longest time from asking for an entry to filling it. */
const LEASE_MS = 10_000;
/** Keys that changed lately are remembered this long; no entry lives longer. */
const MOST_TTL_MS = 10_000;

/** The entry and its remaining time, or the lease that a filler must hold and the clock of Redis. A delete ends the lease. */
const FETCH = redisScript(`
if redis.replicate_commands then redis.replicate_commands() end
local value = redis.call('HGET', KEYS[1], 'v')
if value then return {value, redis.call('PTTL', KEYS[1])} end
local time = redis.call('TIME')
local lease = redis.call('HGET', KEYS[1], 'l')
if not lease then
  lease = ARGV[1]
  redis.call('HSET', KEYS[1], 'l', lease)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {false, lease, time[1] * 1000 + math.floor(time[2] / 1000)}`);

/** The end is a moment and no length, so that a fill that was held up on its way does not live longer for it. */
const FILL = redisScript(`
if redis.call('HGET', KEYS[1], 'l') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[2])
redis.call('PEXPIREAT', KEYS[1], ARGV[3])
return 1`);

const PEEK = redisScript(`
local value = redis.call('HGET', KEYS[1], 'v')
return {value, redis.call('PTTL', KEYS[1])}`);

const STORE = redisScript(`
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'v', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`);

export interface CacheCounts {
  /** Answered by this process, by Redis, and by neither. */
  readonly near: number;
  readonly shared: number;
  readonly missed: number;
}

/**
 * Entries that all nodes share, with a small cache of this process in front. Never rejects for Redis: without it this is the cache of one process.
 *
 * Three things keep old values out. A fill needs the lease that its look-up got, and a delete ends the lease, also when Redis lost its memory in between. An
 * entry ends at a moment on the clock of Redis that was fixed before the database was read. And a key that this process knows to have changed is not asked of
 * Redis until everything from before the change has ended, whatever Redis did with the delete.
 */
export class RedisCache implements Cache {
  readonly #link: RedisLink;
  readonly #near: MemoryCache;
  readonly #lease = randomUUID();
  readonly #endListening: () => void;
  /** Keys that changed lately, in the order of the changes, with the moment from which Redis may be asked again. */
  readonly #changed = new Map<string, number>();
  #leases = 0;
  #looked = 0;
  #missed = 0;
  #shared = 0;

  /** `nearEntries` ≥ 1. The link belongs to the caller. */
  constructor(options: { link: RedisLink; nearEntries: number }) {
    this.#link = options.link;
    this.#near = new MemoryCache({ maxEntries: options.nearEntries });
    // While the link was down or went down, messages of other nodes may have been lost.
    this.#endListening = options.link.onChange(() => this.#near.clear());
  }

  get counts(): CacheCounts {
    const missed = this.#missed;
    const shared = this.#shared;
    return { near: Math.max(0, this.#looked - missed - shared), shared, missed };
  }

  get(key: string): Promise<unknown> {
    return this.#near.loadDated(key, async () => (await this.#peek(key)) ?? { value: undefined, ttlMs: 0 });
  }

  async set(key: string, value: unknown, ttlMs: number): Promise<void> {
    requireTtl(ttlMs);
    this.#changed.delete(key);
    await this.#near.set(key, value, ttlMs);
    const ms = String(Math.max(1, Math.floor(ttlMs)));
    await this.#ask(STORE, key, [encode(value), ms]);
  }

  async delete(key: string): Promise<void> {
    await this.forget(key);
    if (!this.#link.up) return;
    const name = this.#name(key);
    await this.#link.run(name, ['DEL', name]).catch(() => {});
  }

  forget(key: string): Promise<void> {
    const now = performance.now();
    this.#changed.delete(key);
    for (const [oldest, until] of this.#changed) {
      if (until > now) break;
      this.#changed.delete(oldest);
    }
    this.#changed.set(key, now + MOST_TTL_MS);
    return this.#near.delete(key);
  }

  async load<T>(
    key: string,
    ttlMs: number,
    read: () => Promise<T>,
    keep: (value: T) => boolean = () => true,
  ): Promise<T> {
    requireTtl(ttlMs);
    const ttl = Math.min(ttlMs, MOST_TTL_MS);
    const lastsFor = (value: T): number => (value !== undefined && keep(value) ? ttl : 0);
    this.#looked += 1;
    return this.#near.loadDated(key, async () => {
      const found = await this.#fetch(key);
      if (found !== undefined && 'value' in found) {
        this.#shared += 1;
        return { value: found.value as T, ttlMs: Math.min(ttl, found.ttlMs) };
      }
      this.#missed += 1;
      const value = await read();
      const lasts = lastsFor(value);
      if (found !== undefined && lasts > 0 && this.#mayAsk(key)) {
        // Nobody waits for it: the answer is here.
        void this.#ask(FILL, key, [found.lease, encode(value), String(Math.floor(found.now + lasts))]);
      }
      return { value, ttlMs: lasts };
    });
  }

  async close(): Promise<void> {
    this.#endListening();
    this.#changed.clear();
    await this.#near.close();
  }

  async #fetch(key: string): Promise<Dated<unknown> | { lease: string; now: number } | undefined> {
    if (!this.#mayAsk(key)) return undefined;
    this.#leases += 1;
    const reply = await this.#ask(FETCH, key, [`${this.#lease}/${this.#leases}`, String(LEASE_MS)]);
    if (!Array.isArray(reply)) return undefined;
    const [value, ...rest]: unknown[] = reply;
    if (typeof value === 'string') return dated(value, rest[0]);
    const [lease, now] = rest;
    return typeof lease === 'string' && typeof now === 'number' ? { lease, now } : undefined;
  }

  async #peek(key: string): Promise<Dated<unknown> | undefined> {
    if (!this.#mayAsk(key)) return undefined;
    const reply = await this.#ask(PEEK, key, []);
    if (!Array.isArray(reply)) return undefined;
    const [value, ttlMs]: unknown[] = reply;
    return typeof value === 'string' ? dated(value, ttlMs) : undefined;
  }

  /** False for what changed lately, and while Redis is away. */
  #mayAsk(key: string): boolean {
    const until = this.#changed.get(key);
    return this.#link.up && (until === undefined || until <= performance.now());
  }

  /** undefined when Redis gives no answer. */
  #ask(script: Parameters<RedisLink['script']>[0], key: string, args: readonly string[]): Promise<unknown> {
    if (!this.#link.up) return Promise.resolve(undefined);
    return this.#link.script(script, this.#name(key), args).catch(() => undefined);
  }

  #name(key: string): string {
    return this.#link.key(FORM + key);
  }
}

/** undefined for what this version did not write. */
function dated(text: string, ttlMs: unknown): Dated<unknown> | undefined {
  if (typeof ttlMs !== 'number' || ttlMs <= 0) return undefined;
  try {
    return { value: decode(text), ttlMs };
  } catch {
    return undefined;
  }
}
