import type { BlobCommands, BlobQueries } from './metadata/blobs.ts';
import type { CoordinationCommands, CoordinationQueries } from './metadata/coordination.ts';
import type { FileCommands, FileQueries } from './metadata/files.ts';
import type { IdempotencyCommands, IdempotencyQueries } from './metadata/idempotency.ts';
import type { LinkCommands, LinkQueries } from './metadata/links.ts';
import type { ManifestCommands, ManifestQueries } from './metadata/manifests.ts';
import type { MoveCommands, MoveQueries } from './metadata/moves.ts';
import type { PlacementCommands, PlacementQueries } from './metadata/placements.ts';
import type { ServiceKeyCommands, ServiceKeyQueries } from './metadata/service-keys.ts';
import type { StoreMarkCommands, StoreMarkQueries } from './metadata/store-marks.ts';
import type { TaskCommands, TaskQueries } from './metadata/tasks.ts';
import type { UploadCommands, UploadQueries } from './metadata/uploads.ts';

/** What may be asked outside a transaction; each call sees committed data only. */
export interface MetadataReader {
  readonly files: FileQueries;
  readonly uploads: UploadQueries;
  readonly blobs: BlobQueries;
  readonly placements: PlacementQueries;
  readonly moves: MoveQueries;
  readonly marks: StoreMarkQueries;
  readonly manifests: ManifestQueries;
  readonly links: LinkQueries;
  readonly keys: ServiceKeyQueries;
  readonly idempotency: IdempotencyQueries;
  readonly tasks: TaskQueries;
  readonly coordination: CoordinationQueries;
}

/** What a transaction may do; its reads see its own writes. */
export interface MetadataWriter {
  readonly files: FileQueries & FileCommands;
  readonly uploads: UploadQueries & UploadCommands;
  readonly blobs: BlobQueries & BlobCommands;
  readonly placements: PlacementQueries & PlacementCommands;
  readonly moves: MoveQueries & MoveCommands;
  readonly marks: StoreMarkQueries & StoreMarkCommands;
  readonly manifests: ManifestQueries & ManifestCommands;
  readonly links: LinkQueries & LinkCommands;
  readonly keys: ServiceKeyQueries & ServiceKeyCommands;
  readonly idempotency: IdempotencyQueries & IdempotencyCommands;
  readonly tasks: TaskQueries & TaskCommands;
  readonly coordination: CoordinationQueries & CoordinationCommands;
}

export interface SchemaState {
  /** Migrations this build knows that the database lacks, in order. */
  readonly pending: readonly string[];
  readonly applied: readonly string[];
}

/**
 * The truth about everything but bytes. Every rejection is an OsproxyError: AlreadyExists for a broken uniqueness promise, Unavailable
 * (retryable) when the database cannot be reached or stays busy, QuotaExceeded when its disk is full, Internal otherwise.
 */
export interface Metadata extends MetadataReader {
  /**
   * Runs `work` in one serializable read-write transaction and resolves only when its writes are durable; a throw rolls
   * everything back and is passed on. `work` may be run again after a conflict and must do no I/O but through `repositories`.
   */
  transaction<T>(work: (repositories: MetadataWriter) => Promise<T>): Promise<T>;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  schema(): Promise<SchemaState>;
  /** Applies pending migrations, once even when several processes ask; rejects with Conflict when the database is newer than this build. */
  migrate(): Promise<SchemaState>;
  close(): Promise<void>;
}
