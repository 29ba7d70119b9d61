import type { Lease, NodeRecord } from '../../model/lease.ts';

export interface CoordinationCommands {
  acquireLease(name: string, holder: string, now: number, ttlMs: number): Promise<Lease | undefined>;
  renewLease(lease: Lease, now: number, ttlMs: number, value: number): Promise<Lease | undefined>;
  releaseLease(lease: Lease, value: number): Promise<void>;
  heartbeat(node: NodeRecord): Promise<void>;
  leave(nodeId: string): Promise<void>;
  /** Removes nodes silent since `cutoff`. */
  removeSilentNodes(cutoff: number): Promise<number>;
  publish(topic: string, message: string, at: number): Promise<void>;
  removeMessages(cutoff: number, limit: number): Promise<number>;
}

export interface CoordinationQueries {
  nodes(since: number): Promise<readonly NodeRecord[]>;
  /** Messages with an id above `after`, ascending; at most `limit`. */
  messages(after: number, limit: number): Promise<readonly { id: number; topic: string; message: string }[]>;
  /** Those of these messages that are there by now, ascending; at most 1000 ids. Ids do not follow the order of commits. */
  messagesAmong(ids: readonly number[]): Promise<readonly { id: number; topic: string; message: string }[]>;
  lastMessageId(): Promise<number>;
}
