import { Away, awayIn } from '../away.ts';
import type { StorageDriver } from './storage-driver.ts';

/** A node-local store as other nodes may use it: new bytes are put only by the node itself. Its promises are those of the storage port. */
export type PeerStore = Pick<StorageDriver, 'open' | 'stat' | 'delete'>;

/** The other nodes of the cluster. */
export interface Peers {
  /** Asks nothing yet. Each call of the store throws NodeAway when the node cannot be reached or does not let this one in. */
  storeOf(nodeId: string, store: string): PeerStore;
  /** Frees connections; no call is made afterwards. */
  close(): Promise<void>;
}

/** Bytes are on another node, which cannot be asked at the moment. What is said is fit for clients; the cause says which node and why. */
export class NodeAway extends Away {}

/** The NodeAway that the error is, or that it was caused by. */
export function nodeAwayIn(error: unknown): NodeAway | undefined {
  const away = awayIn(error);
  return away instanceof NodeAway ? away : undefined;
}
