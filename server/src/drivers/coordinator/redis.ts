import { randomUUID } from 'node:crypto';
import type { Lease, NodeRecord } from '#core/model/lease.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';
import type { Logger } from '#core/ports/logger.ts';
import { type RedisLink, redisScript } from '../redis/redis-link.ts';

/** Longer than the database needs to bring the second copy of a message, also after it was away for some minutes. */
const REMEMBER_MS = 10 * 60_000;
const REMEMBER_MESSAGES = 100_000;
/** A node that is silent this long is forgotten. */
const KEEP_NODES_MS = 24 * 60 * 60_000;

const HEARTBEAT = redisScript(`
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for _, text in ipairs(redis.call('HVALS', KEYS[1])) do
  local node = cjson.decode(text)
  if node.heartbeatAt < tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], node.id) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`);

type Listener = (message: string) => void;

/**
 * Coordination through the database, made fast by Redis. Leases are the database's alone: they guard truth, and Redis may forget. Messages and heartbeats go
 * both ways, so that neither a Redis that is away nor a node that is cut off from it loses any; each message is delivered once. The database's coordinator
 * is closed with this one, the link belongs to the caller.
 */
export class RedisCoordinator implements Coordinator {
  readonly #link: RedisLink;
  readonly #database: Coordinator;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Map<string, { readonly all: Set<Listener>; readonly end: () => void }>();
  /** Ids of messages that were delivered, oldest first, with the time. */
  readonly #delivered = new Map<string, number>();
  readonly #endListening: () => void;

  constructor(options: { link: RedisLink; database: Coordinator; clock: Clock; logger: Logger }) {
    this.#link = options.link;
    this.#database = options.database;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#endListening = options.link.onMessage((text) => this.#receive(text));
  }

  acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    return this.#database.acquire(name, holder, ttlMs);
  }

  renew(lease: Lease, ttlMs: number, value?: number): Promise<Lease | undefined> {
    return this.#database.renew(lease, ttlMs, value);
  }

  release(lease: Lease, value?: number): Promise<void> {
    return this.#database.release(lease, value);
  }

  async heartbeat(node: NodeRecord): Promise<void> {
    const cutoff = String(this.#clock.now() - KEEP_NODES_MS);
    const args = [node.id, JSON.stringify(node), cutoff, String(KEEP_NODES_MS)];
    const shared = this.#inRedis(() => this.#link.script(HEARTBEAT, this.#nodesKey, args));
    const [stored] = await Promise.allSettled([this.#database.heartbeat(node), shared]);
    // Who is known to Redis is known; the database hears of it with the next beat.
    if (stored.status === 'rejected' && (await shared) === undefined) throw stored.reason;
  }

  /** Whom either the database or Redis has heard of lately, with what was heard last. */
  async nodes(maxAgeMs: number): Promise<readonly NodeRecord[]> {
    const since = this.#clock.now() - maxAgeMs;
    const key = this.#nodesKey;
    const [stored, shared] = await Promise.allSettled([
      this.#database.nodes(maxAgeMs),
      this.#inRedis(() => this.#link.run(key, ['HVALS', key])),
    ]);
    const texts: unknown = shared.status === 'fulfilled' ? shared.value : undefined;
    if (stored.status === 'rejected' && !Array.isArray(texts)) throw stored.reason;
    const nodes = new Map<string, NodeRecord>();
    const inRedis = Array.isArray(texts) ? texts.flatMap(nodeOf) : [];
    for (const node of [...(stored.status === 'fulfilled' ? stored.value : []), ...inRedis]) {
      const known = nodes.get(node.id);
      const newer = known === undefined || known.heartbeatAt < node.heartbeatAt;
      if (newer && node.heartbeatAt >= since) nodes.set(node.id, node);
    }
    return [...nodes.values()];
  }

  async leave(nodeId: string): Promise<void> {
    const key = this.#nodesKey;
    await Promise.all([
      this.#database.leave(nodeId),
      this.#inRedis(() => this.#link.run(key, ['HDEL', key, nodeId])),
    ]);
  }

  /** The database carries every message, since Redis does not say who heard one; Redis brings it sooner. */
  async publish(topic: string, message: string): Promise<void> {
    const id = randomUUID();
    const shared = this.#inRedis(() => this.#link.publish(JSON.stringify([id, topic, message])));
    this.#deliver(id, topic, message);
    await Promise.all([this.#database.publish(topic, JSON.stringify([id, message])), shared]);
  }

  subscribe(topic: string, listener: Listener): () => void {
    // One of its own, so that the same function may subscribe twice.
    const own: Listener = (message) => listener(message);
    const listeners = this.#listeners.get(topic) ?? {
      all: new Set(),
      end: this.#database.subscribe(topic, (text) => this.#receiveStored(topic, text)),
    };
    listeners.all.add(own);
    this.#listeners.set(topic, listeners);
    return () => {
      if (!listeners.all.delete(own) || listeners.all.size > 0) return;
      listeners.end();
      if (this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
    };
  }

  async close(): Promise<void> {
    this.#endListening();
    for (const { end } of this.#listeners.values()) end();
    this.#listeners.clear();
    await this.#database.close();
  }

  get #nodesKey(): string {
    return this.#link.key('nodes');
  }

  /** undefined when Redis does not answer. */
  #inRedis(call: () => Promise<unknown>): Promise<unknown> {
    return this.#link.up ? call().catch(() => undefined) : Promise.resolve(undefined);
  }

  #receive(text: string): void {
    const [id, topic, message, ...rest] = textsOf(text);
    if (id === undefined || topic === undefined || message === undefined || rest.length > 0) {
      this.#logger.warn({}, 'A message in Redis that no node of this build wrote was left out.');
    } else this.#deliver(id, topic, message);
  }

  /** A node without Redis writes the bare message. */
  #receiveStored(topic: string, text: string): void {
    const [id, message, ...rest] = textsOf(text);
    const own = id !== undefined && message !== undefined && rest.length === 0;
    this.#deliver(own ? id : randomUUID(), topic, own ? message : text);
  }

  #deliver(id: string, topic: string, message: string): void {
    const listeners = this.#listeners.get(topic);
    if (this.#delivered.has(id)) return;
    this.#remember(id);
    for (const listener of [...(listeners?.all ?? [])]) {
      try {
        listener(message);
      } catch (error) {
        this.#logger.error({ err: error, topic }, 'A subscriber failed on a message; the others got it.');
      }
    }
  }

  #remember(id: string): void {
    const now = performance.now();
    for (const [oldest, at] of this.#delivered) {
      if (at > now - REMEMBER_MS && this.#delivered.size < REMEMBER_MESSAGES) break;
      this.#delivered.delete(oldest);
    }
    this.#delivered.set(id, now);
  }
}

/** The texts of a JSON list; empty for anything else. */
function textsOf(text: string): string[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) && parsed.every((each) => typeof each === 'string') ? parsed : [];
  } catch {
    return [];
  }
}

function nodeOf(text: unknown): NodeRecord[] {
  try {
    const node = JSON.parse(String(text)) as NodeRecord;
    return typeof node.id === 'string' && typeof node.heartbeatAt === 'number' ? [node] : [];
  } catch {
    return [];
  }
}
