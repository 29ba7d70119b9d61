import type { AttemptCommands } from './metadata/attempts.ts';
import type { AuditCommands, AuditQueries } from './metadata/audit.ts';
import type { BlobCommands, BlobQueries } from './metadata/blobs.ts';
import type { ContentEntryQueries } from './metadata/content-entries.ts';
import type { CoordinationCommands, CoordinationQueries } from './metadata/coordination.ts';
import type { DriveCommands, DriveQueries } from './metadata/drives.ts';
import type { EntryCommands, EntryQueries } from './metadata/entries.ts';
import type { EventCommands, EventQueries } from './metadata/events.ts';
import type { FileCommands, FileQueries } from './metadata/files.ts';
import type { GroupCommands, GroupQueries } from './metadata/groups.ts';
import type { HoldCommands, HoldQueries } from './metadata/holds.ts';
import type { IdempotencyCommands, IdempotencyQueries } from './metadata/idempotency.ts';
import type { IdentityCommands, IdentityQueries } from './metadata/identities.ts';
import type { LinkCommands, LinkQueries } from './metadata/links.ts';
import type { ManifestCommands, ManifestQueries } from './metadata/manifests.ts';
import type { MediaCommands, MediaQueries } from './metadata/media.ts';
import type { MoveCommands, MoveQueries } from './metadata/moves.ts';
import type { NameIndexQueries } from './metadata/name-index.ts';
import type { OneTimeTokenCommands, OneTimeTokenQueries } from './metadata/one-time-tokens.ts';
import type { PlacementCommands, PlacementQueries } from './metadata/placements.ts';
import type { PossessionCommands } from './metadata/possession.ts';
import type { ReplicaSet } from './metadata/replicas.ts';
import type { ScrubCommands, ScrubQueries } from './metadata/scrubs.ts';
import type { SecondFactorCommands, SecondFactorQueries } from './metadata/second-factors.ts';
import type { ServiceKeyCommands, ServiceKeyQueries } from './metadata/service-keys.ts';
import type { SessionCommands, SessionQueries } from './metadata/sessions.ts';
import type { ShareCommands, ShareQueries } from './metadata/shares.ts';
import type { SinkCommands, SinkQueries } from './metadata/sinks.ts';
import type { StoreMarkCommands, StoreMarkQueries } from './metadata/store-marks.ts';
import type { TaskCommands, TaskQueries } from './metadata/tasks.ts';
import type { UploadCommands, UploadQueries } from './metadata/uploads.ts';
import type { UsageCommands, UsageQueries } from './metadata/usage.ts';
import type { UserCommands, UserQueries } from './metadata/users.ts';

/** What may be asked outside a transaction; each call sees committed data only. */
export interface MetadataReader {
  readonly files: FileQueries;
  readonly holds: HoldQueries;
  readonly uploads: UploadQueries;
  readonly blobs: BlobQueries;
  readonly placements: PlacementQueries;
  readonly moves: MoveQueries;
  readonly marks: StoreMarkQueries;
  readonly media: MediaQueries;
  readonly scrubs: ScrubQueries;
  readonly manifests: ManifestQueries;
  readonly links: LinkQueries;
  readonly keys: ServiceKeyQueries;
  readonly idempotency: IdempotencyQueries;
  readonly tasks: TaskQueries;
  readonly coordination: CoordinationQueries;
  readonly events: EventQueries;
  readonly sinks: SinkQueries;
  readonly usage: UsageQueries;
  readonly names: NameIndexQueries;
  readonly contents: ContentEntryQueries;
  readonly audit: AuditQueries;
  readonly groups: GroupQueries;
  readonly drives: DriveQueries;
  readonly entries: EntryQueries;
  readonly users: UserQueries;
  readonly identities: IdentityQueries;
  readonly sessions: SessionQueries;
  readonly shares: ShareQueries;
  readonly oneTimeTokens: OneTimeTokenQueries;
  readonly secondFactors: SecondFactorQueries;
}

/** What a transaction may do; its reads see its own writes. */
export interface MetadataWriter {
  readonly files: FileQueries & FileCommands;
  readonly holds: HoldQueries & HoldCommands;
  readonly uploads: UploadQueries & UploadCommands;
  readonly blobs: BlobQueries & BlobCommands;
  readonly placements: PlacementQueries & PlacementCommands;
  readonly moves: MoveQueries & MoveCommands;
  readonly marks: StoreMarkQueries & StoreMarkCommands;
  readonly media: MediaQueries & MediaCommands;
  readonly scrubs: ScrubQueries & ScrubCommands;
  readonly manifests: ManifestQueries & ManifestCommands;
  readonly links: LinkQueries & LinkCommands;
  readonly keys: ServiceKeyQueries & ServiceKeyCommands;
  readonly idempotency: IdempotencyQueries & IdempotencyCommands;
  readonly tasks: TaskQueries & TaskCommands;
  readonly coordination: CoordinationQueries & CoordinationCommands;
  readonly events: EventQueries & EventCommands;
  readonly sinks: SinkQueries & SinkCommands;
  readonly usage: UsageQueries & UsageCommands;
  readonly audit: AuditQueries & AuditCommands;
  readonly groups: GroupQueries & GroupCommands;
  readonly possession: PossessionCommands;
  readonly names: NameIndexQueries;
  readonly contents: ContentEntryQueries;
  readonly drives: DriveQueries & DriveCommands;
  readonly entries: EntryQueries & EntryCommands;
  readonly users: UserQueries & UserCommands;
  readonly identities: IdentityQueries & IdentityCommands;
  readonly sessions: SessionQueries & SessionCommands;
  readonly shares: ShareQueries & ShareCommands;
  readonly oneTimeTokens: OneTimeTokenQueries & OneTimeTokenCommands;
  readonly secondFactors: SecondFactorQueries & SecondFactorCommands;
  readonly attempts: AttemptCommands;
}

export interface SchemaState {
  /** Migrations this build knows that the database lacks, in order. */
  readonly pending: readonly string[];
  readonly applied: readonly string[];
}

export interface PlannedMigration {
  readonly name: string;
  /** What would be run, in order. */
  readonly statements: readonly string[];
}

/**
 * The truth about everything but bytes. Every rejection is an OsproxyError: AlreadyExists for a broken uniqueness promise, Unavailable
 * (retryable) when the database cannot be reached or stays busy, QuotaExceeded when its disk is full, Internal otherwise.
 */
export interface Metadata extends MetadataReader {
  /**
   * Runs `work` in one read-write transaction on a state that was committed after this call, and resolves only when its writes are durable; a throw
   * rolls everything back and is passed on. Transactions that write the same row run one after the other, each seeing what the one before
   * wrote; a check whose answer another transaction could change must lock or write a row that the other one writes too. `work` may be run
   * again after a conflict or a lost connection and must do no I/O but through `repositories`; after one of their commands has rejected, all
   * that is left is to throw. Unavailable may mean that it is unknown whether the transaction took effect.
   */
  transaction<T>(work: (repositories: MetadataWriter) => Promise<T>): Promise<T>;
  /**
   * The same queries for whom an answer may be some moments old: what was committed up to the configured lag ago may be missing, the caller's own
   * writes included. Nothing that guards a promise may be decided by it. The database itself answers where no replica can.
   */
  readonly relaxed: MetadataReader;
  /** undefined where `relaxed` is the database itself. */
  readonly replicas: ReplicaSet | undefined;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  /** Rejects with Conflict when the database is newer than this build. */
  schema(): Promise<SchemaState>;
  /** What migrate() would run now; changes nothing. */
  plan(): Promise<readonly PlannedMigration[]>;
  /** Applies pending migrations, once even when several processes ask; rejects with Conflict when the database is newer than this build. */
  migrate(): Promise<SchemaState>;
  close(): Promise<void>;
}
