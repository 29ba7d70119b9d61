import { randomUUID } from 'node:crypto';
import { pause } from '#core/cancellation.ts';
import type { Lease, NodeRecord } from '#core/model/lease.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { Inbox } from './inbox.ts';

const POLL_MS = 500;
/** Far longer than any poll waits; a process that slept longer has let its caches expire. */
const KEEP_MESSAGES_MS = 10 * 60_000;
const TRIM_EVERY_MS = 60_000;
const TRIM_AT_ONCE = 1000;
/** A node that is silent this long is forgotten. */
const KEEP_NODES_MS = 24 * 60 * 60_000;

type Listener = (message: string) => void;

/** Coordination through the database alone. Closing it ends the subscriptions; the database belongs to the caller. */
export class DatabaseCoordinator implements Coordinator {
  readonly #metadata: Metadata;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Marks own messages, which local subscribers have had already. */
  readonly #origin = randomUUID();
  readonly #listeners = new Map<string, Set<Listener>>();
  #polling: AbortController | undefined;
  #trimmedAt = Number.NEGATIVE_INFINITY;

  constructor(options: { metadata: Metadata; clock: Clock; logger: Logger }) {
    this.#metadata = options.metadata;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    return this.#metadata.transaction(({ coordination }) =>
      coordination.acquireLease(name, holder, this.#clock.now(), ttlMs),
    );
  }

  renew(lease: Lease, ttlMs: number, value = lease.value): Promise<Lease | undefined> {
    return this.#metadata.transaction(({ coordination }) =>
      coordination.renewLease(lease, this.#clock.now(), ttlMs, value),
    );
  }

  release(lease: Lease, value = lease.value): Promise<void> {
    return this.#metadata.transaction(({ coordination }) => coordination.releaseLease(lease, value));
  }

  heartbeat(node: NodeRecord): Promise<void> {
    return this.#metadata.transaction(async ({ coordination }) => {
      await coordination.heartbeat(node);
      await coordination.removeSilentNodes(this.#clock.now() - KEEP_NODES_MS);
    });
  }

  nodes(maxAgeMs: number): Promise<readonly NodeRecord[]> {
    return this.#metadata.coordination.nodes(this.#clock.now() - maxAgeMs);
  }

  leave(nodeId: string): Promise<void> {
    return this.#metadata.transaction(({ coordination }) => coordination.leave(nodeId));
  }

  async publish(topic: string, message: string): Promise<void> {
    this.#deliver(topic, message);
    const now = this.#clock.now();
    const trim = Math.abs(now - this.#trimmedAt) >= TRIM_EVERY_MS;
    await this.#metadata.transaction(async ({ coordination }) => {
      await coordination.publish(topic, JSON.stringify([this.#origin, message]), now);
      if (trim) await coordination.removeMessages(now - KEEP_MESSAGES_MS, TRIM_AT_ONCE);
    });
    if (trim) this.#trimmedAt = now;
  }

  subscribe(topic: string, listener: Listener): () => void {
    // One of its own, so that the same function may subscribe twice.
    const own: Listener = (message) => listener(message);
    const listeners = this.#listeners.get(topic) ?? new Set();
    listeners.add(own);
    this.#listeners.set(topic, listeners);
    this.#startPolling();
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
      if (this.#listeners.size === 0) this.#stopPolling();
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#stopPolling();
  }

  #startPolling(): void {
    if (this.#polling !== undefined) return;
    this.#polling = new AbortController();
    void this.#poll(this.#polling.signal);
  }

  #stopPolling(): void {
    this.#polling?.abort();
    this.#polling = undefined;
  }

  /** Never rejects: a database that is away is asked again, and what was published meanwhile comes then. */
  async #poll(signal: AbortSignal): Promise<void> {
    let inbox: Inbox | undefined;
    let failing = false;
    while (!signal.aborted) {
      try {
        if (inbox === undefined) inbox = await Inbox.open(this.#metadata.coordination);
        else await this.#forward(inbox, signal);
        failing = false;
      } catch (error) {
        if (signal.aborted) return;
        if (!failing) this.#logger.warn({ err: error }, 'Messages of other nodes cannot be read for now.');
        failing = true;
      }
      await pause(POLL_MS, signal);
    }
  }

  async #forward(inbox: Inbox, signal: AbortSignal): Promise<void> {
    for await (const { topic, message } of inbox.news()) {
      if (signal.aborted) return;
      this.#receive(topic, message);
    }
  }

  #receive(topic: string, envelope: string): void {
    const [origin, message] = parseEnvelope(envelope);
    if (message === undefined)
      this.#logger.warn({ topic }, 'A message that no node of this build wrote was left out.');
    else if (origin !== this.#origin) this.#deliver(topic, message);
  }

  #deliver(topic: string, message: string): void {
    for (const listener of [...(this.#listeners.get(topic) ?? [])]) {
      try {
        listener(message);
      } catch (error) {
        this.#logger.error({ err: error, topic }, 'A subscriber failed on a message; the others got it.');
      }
    }
  }
}

/** Origin and message; empty when the text is not an envelope. */
function parseEnvelope(envelope: string): [string?, string?] {
  try {
    const parts: unknown = JSON.parse(envelope);
    if (!Array.isArray(parts)) return [];
    const [origin, message]: unknown[] = parts;
    return typeof origin === 'string' && typeof message === 'string' ? [origin, message] : [];
  } catch {
    return [];
  }
}
