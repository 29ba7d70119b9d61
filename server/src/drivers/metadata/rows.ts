import type { ColumnType, Generated } from 'kysely';
import type { AccountTables } from './accounts-rows.ts';
import type { AuditTable, GroupTable } from './admin-rows.ts';
import type { Id, Int, Num, OptionalId, OptionalNum } from './columns.ts';
import type { DriveTables } from './drive-rows.ts';
import type { IdentityTables } from './identity-rows.ts';
import type { PossessionChallengeTable } from './possession-rows.ts';
import type { ShareTables } from './share-rows.ts';
import type {
  EventDeliveryTable,
  EventInboxTable,
  EventSinkTable,
  EventTable,
  LeaseTable,
  MessageTable,
  NodeTable,
  ReplicaBeatTable,
  TaskAttemptTable,
  TaskTable,
  TaskTypeTable,
  UsageSourceTable,
  UsageTotalTable,
} from './work-rows.ts';

export interface FileTable {
  uid: Id;
  owner: string;
  name: string;
  content_type: string;
  size: Num;
  state: string;
  rejected_reason: string | null;
  manifest_id: Id;
  generation: Num;
  link_epoch: Num;
  md5: string | null;
  sha256: string | null;
  verified: Num;
  created_at: Num;
  updated_at: Num;
  deleted_at: OptionalNum;
}

export interface HoldTable {
  uid: Id;
  type: string;
  since: Num;
  reason: string | null;
}

export interface UploadTable {
  uid: Id;
  owner: string;
  name: string;
  state: string;
  size: OptionalNum;
  md5: string | null;
  sha256: string | null;
  content_type: string | null;
  part_size: Num;
  /** Null: the default store. */
  store: string | null;
  transfer_to: string | null;
  created_at: Num;
  expires_at: Num;
  /** When it was completed or aborted. */
  ended_at: OptionalNum;
}

export interface UploadPartTable {
  upload_uid: Id;
  number: Num;
  blob_id: Id;
  size: Num;
  md5: string | null;
  sha256: string;
  content_type: string | null;
  created_at: Num;
}

export interface BlobTable {
  id: Id;
  /** "sha256:size" while live, null once condemned: unique, so that one live blob has each content. */
  identity: string | null;
  sha256: string;
  md5: string | null;
  sha1: string | null;
  size: Num;
  created_at: Num;
  /** Since when no new reference is known; null while in use or condemned. */
  idle_since: OptionalNum;
}

export interface PlacementTable {
  id: Generated<Int>;
  store: string;
  node: string | null;
  key: string;
  /** Null: a doomed or retired key that no blob may ever take. */
  blob_id: OptionalId;
  doomed_at: OptionalNum;
  /** Since when no blob names it, while its bytes are still kept for readers. */
  retired_at: OptionalNum;
}

export interface ManifestTable {
  id: Id;
  size: Num;
  sha256: string | null;
  md5: string | null;
  sha1: string | null;
  verified: Num;
  created_at: Num;
  idle_since: OptionalNum;
}

export interface ManifestPartTable {
  manifest_id: Id;
  seq: Num;
  blob_id: Id;
  size: Num;
}

export interface MoveTable {
  id: Id;
  from_store: string;
  to_store: string;
  /** JSON. */
  match: string;
  bytes_per_second: OptionalNum;
  state: string;
  run: Num;
  last_blob: Id;
  after_blob: OptionalId;
  total_files: OptionalNum;
  total_blobs: OptionalNum;
  total_bytes: OptionalNum;
  done_files: Num;
  done_blobs: Num;
  done_bytes: Num;
  failed_blobs: Num;
  created_at: Num;
  updated_at: Num;
  ended_at: OptionalNum;
}

interface MoveFailureTable {
  move_id: Id;
  blob_id: Id;
  reason: string;
  at: Num;
}

interface StoreMarkTable {
  store: string;
  /** Empty for a store that every node sees. */
  node: string;
  mark: string;
  written: Num;
}

export interface ScrubTable {
  store: string;
  /** Empty for a store that every node sees. */
  node: string;
  round: Num;
  started_at: Num;
  ended_at: OptionalNum;
  last_blob: Id;
  after_blob: OptionalId;
  blobs: Num;
  bytes: Num;
  repaired: Num;
  damaged: Num;
  skipped: Num;
  trouble: string | null;
  requested_at: OptionalNum;
  updated_at: Num;
}

export interface ScrubFindingTable {
  store: string;
  key: string;
  node: string;
  blob_id: Id;
  kind: string;
  reason: string;
  lost: Num;
  round: Num;
  retry_at: Num;
  found_at: Num;
}

export interface MediaTable {
  /** "sha256:size". */
  identity: string;
  uid: Id;
  format: string | null;
  width: OptionalNum;
  height: OptionalNum;
  duration_ms: OptionalNum;
  /** Null unless it was refused. */
  reason: string | null;
  message: string | null;
  probed_at: Num;
}

interface RenditionTable {
  identity: string;
  variant: string;
  /** Null while it is being made. */
  blob_id: ColumnType<Int | null, bigint | undefined, bigint>;
  holder: ColumnType<string | null, string | undefined, string>;
  held_until: ColumnType<Int | null, number | undefined, number>;
  created_at: Num;
}

export interface LinkTable {
  id: string;
  uid: Id;
  owner: string;
  scope: string;
  disposition: string;
  expires_at: Num;
  max_uses: OptionalNum;
  uses: Num;
  created_at: Num;
  revoked_at: OptionalNum;
}

export interface ServiceKeyTable {
  id: string;
  name: string;
  owner: string;
  /** JSON array of scopes. */
  scopes: string;
  secret_hash: string;
  created_at: Num;
  expires_at: OptionalNum;
  revoked_at: OptionalNum;
  last_used_at: OptionalNum;
  store: string | null;
  name_prefix: string | null;
  last_used_from: string | null;
  former_hash: string | null;
  former_until: OptionalNum;
  former_used_at: OptionalNum;
  rotated_at: OptionalNum;
}

export interface IdempotencyTable {
  owner: string;
  key: string;
  fingerprint: string;
  uid: Id;
  created_at: Num;
}

interface MigrationTable {
  name: string;
  timestamp: string;
}

/** Every table; none of these types leaves the driver. */
export interface Tables extends AccountTables, DriveTables, IdentityTables, ShareTables {
  files: FileTable;
  file_holds: HoldTable;
  uploads: UploadTable;
  upload_parts: UploadPartTable;
  blobs: BlobTable;
  placements: PlacementTable;
  moves: MoveTable;
  move_failures: MoveFailureTable;
  store_marks: StoreMarkTable;
  media: MediaTable;
  renditions: RenditionTable;
  scrubs: ScrubTable;
  scrub_findings: ScrubFindingTable;
  manifests: ManifestTable;
  manifest_parts: ManifestPartTable;
  links: LinkTable;
  service_keys: ServiceKeyTable;
  idempotency: IdempotencyTable;
  tasks: TaskTable;
  task_types: TaskTypeTable;
  task_attempts: TaskAttemptTable;
  leases: LeaseTable;
  nodes: NodeTable;
  messages: MessageTable;
  replica_beats: ReplicaBeatTable;
  event_inbox: EventInboxTable;
  events: EventTable;
  event_sinks: EventSinkTable;
  event_deliveries: EventDeliveryTable;
  usage_totals: UsageTotalTable;
  usage_sources: UsageSourceTable;
  audit: AuditTable;
  user_groups: GroupTable;
  possession_challenges: PossessionChallengeTable;
  schema_migrations: MigrationTable;
}
