import type { Placement } from './blob.ts';

/** How far the check of what is in one store has come; of a node-local store, on one node. */
export interface ScrubRecord {
  readonly store: string;
  readonly node: string | undefined;
  /** Grows with each walk over the store, from 1 on. */
  readonly round: number;
  readonly startedAt: number;
  /** Undefined while the round goes on. */
  readonly endedAt: number | undefined;
  /** Blobs with a greater id came after the round began and are left to the next one. */
  readonly lastBlob: string;
  /** Blobs up to this id were looked at in this round. */
  readonly afterBlob: string | undefined;
  /** What was looked at in this round. */
  readonly blobs: number;
  readonly bytes: number;
  /** Places whose bytes were wrong and that were replaced from another one. */
  readonly repaired: number;
  /** Places whose bytes are wrong and could not be replaced. */
  readonly damaged: number;
  /** Blobs that the store did not give, though it answers. */
  readonly skipped: number;
  /** Why the store cannot be looked at for now; a sentence for people. */
  readonly trouble: string | undefined;
  /** When somebody asked for a round that has not begun yet. */
  readonly requestedAt: number | undefined;
  readonly updatedAt: number;
}

/** missing: no bytes. damaged: other bytes. unreadable: the store fails to read them, though it reads others. */
export type DamageKind = 'missing' | 'damaged' | 'unreadable';

/** A place whose bytes are wrong and that could not be replaced yet. */
export interface ScrubFinding extends Placement {
  readonly blobId: string;
  readonly kind: DamageKind;
  /** A sentence for people. */
  readonly reason: string;
  /** True when no other place has good bytes; false while one that may have them cannot be read. */
  readonly lost: boolean;
  /** The round that met it last. */
  readonly round: number;
  /** When another copy is looked for again. */
  readonly retryAt: number;
  readonly foundAt: number;
}
