import type { Lease, NodeRecord } from '#core/model/lease.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';

type Listener = (message: string) => void;

/** The way from one process of a node to the others. */
export interface Siblings {
  /** Resolves when every process that answers in time has called its listener. */
  tell(topic: string, message: string): Promise<void>;
  /** Calls back for what the others tell. */
  onTold(listener: (topic: string, message: string) => void): void;
}

/**
 * Lets the other processes of this node hear a message before publish() resolves, beside the way through the coordinator that reaches every
 * node. They hear it twice, which the port allows.
 */
export class SiblingCoordinator implements Coordinator {
  readonly #inner: Coordinator;
  readonly #siblings: Siblings;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(inner: Coordinator, siblings: Siblings) {
    this.#inner = inner;
    this.#siblings = siblings;
    siblings.onTold((topic, message) => {
      for (const listener of [...(this.#listeners.get(topic) ?? [])]) {
        try {
          listener(message);
        } catch {
          // The inner coordinator delivers it too, and tells of the failure.
        }
      }
    });
  }

  async publish(topic: string, message: string): Promise<void> {
    await Promise.all([this.#siblings.tell(topic, message), this.#inner.publish(topic, message)]);
  }

  subscribe(topic: string, listener: Listener): () => void {
    const own: Listener = (message) => listener(message);
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(own));
    const unsubscribe = this.#inner.subscribe(topic, listener);
    return () => {
      listeners.delete(own);
      unsubscribe();
    };
  }

  acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    return this.#inner.acquire(name, holder, ttlMs);
  }

  renew(lease: Lease, ttlMs: number, value?: number): Promise<Lease | undefined> {
    return this.#inner.renew(lease, ttlMs, value);
  }

  release(lease: Lease, value?: number): Promise<void> {
    return this.#inner.release(lease, value);
  }

  heartbeat(node: NodeRecord): Promise<void> {
    return this.#inner.heartbeat(node);
  }

  nodes(maxAgeMs: number): Promise<readonly NodeRecord[]> {
    return this.#inner.nodes(maxAgeMs);
  }

  leave(nodeId: string): Promise<void> {
    return this.#inner.leave(nodeId);
  }

  close(): Promise<void> {
    this.#listeners.clear();
    return this.#inner.close();
  }
}
