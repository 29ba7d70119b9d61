import type { Holders } from '../contents.ts';
import type { FileRecords } from '../file-records.ts';
import type { Allowance } from '../groups.ts';
import type { PlacementPolicy } from '../placement.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Metadata, MetadataReader } from '../ports/metadata.ts';

interface DriveSettings {
  /** Contents that a file had before which are kept. */
  readonly versions: number;
  /** Milliseconds after which what is in the trash is removed; undefined: never by itself. */
  readonly trashMs: number | undefined;
  /** Entries up to which a tree is copied and, with their versions, removed at once; more become a task. */
  readonly atOnce: number;
}

/** What the parts of a drive work with. */
export interface DriveParts {
  readonly metadata: Metadata;
  readonly records: FileRecords;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly holders: Holders;
  readonly policy: PlacementPolicy;
  /** What the configuration, the group and what is said of the person come to. */
  readonly allowanceOf: (repositories: MetadataReader, userId: string) => Promise<Allowance>;
  readonly drive: DriveSettings;
  readonly settings: { readonly taskAttempts: number };
  /** Called after a commit that left a task. */
  readonly wakeTasks: () => void;
}
