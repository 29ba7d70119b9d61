/** What a service tells about; a consumer ignores types that it does not know. */
export const EVENT_TYPES = [
  'upload.created',
  'upload.expired',
  'file.held',
  'file.ready',
  'file.verified',
  'file.rejected',
  'file.renamed',
  'file.deleted',
  'entry.created',
  'entry.changed',
  'entry.moved',
  'entry.trashed',
  'entry.restored',
  'entry.deleted',
  'link.created',
  'link.revoked',
  'share.created',
  'share.changed',
  'share.revoked',
  'transfer.done',
  'transfer.failed',
  'blob.damaged',
  'blob.repaired',
  'store.down',
  'store.up',
  'node.joined',
  'node.left',
  'task.failed',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

export interface NewEvent {
  readonly type: EventType;
  /** What it happened to: a uid, the id of an entry or a share, or the name of a store or node, or the id of a task. Events of one subject keep their order. */
  readonly subject: string;
  /** Whose file or upload it is; undefined for what belongs to the installation. */
  readonly owner?: string | undefined;
  /** Plain JSON. Never a secret, nor where bytes live. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EventRecord extends NewEvent {
  /** Ascends in the order in which events became visible, without ever a late one in between; also the event's stable id. */
  readonly position: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}
