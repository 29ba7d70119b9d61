import type { Lease, NodeRecord } from '../model/lease.ts';

/** What several processes agree on: who is here, who holds what, what has changed. */
export interface Coordinator {
  /** Resolves undefined when another holder has an unexpired lease. A new holder gets a higher fence and the last holder's value. */
  acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined>;
  /** Extends a lease that is still this holder's with the same fence and stores `value`; undefined when it was lost. */
  renew(lease: Lease, ttlMs: number, value?: number): Promise<Lease | undefined>;
  /** Ends the lease at once and leaves `value` for the next holder; a lease that was lost is left alone. */
  release(lease: Lease, value?: number): Promise<void>;

  /** Adds or refreshes this node in the registry. */
  heartbeat(node: NodeRecord): Promise<void>;
  /** Nodes whose last heartbeat is not older than `maxAgeMs`. */
  nodes(maxAgeMs: number): Promise<readonly NodeRecord[]>;
  leave(nodeId: string): Promise<void>;

  /** Tells every subscriber of the topic in every process, this one included; at least once, within about a second. */
  publish(topic: string, message: string): Promise<void>;
  /** Returns the function that ends the subscription. */
  subscribe(topic: string, listener: (message: string) => void): () => void;

  close(): Promise<void>;
}
