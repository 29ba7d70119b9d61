import type { AuditEntry } from '../../model/audit.ts';

export interface AuditFilter {
  /** Id of the actor. */
  readonly actor?: string | undefined;
  /** An action, or a group of them as `key.*`. */
  readonly action?: string | undefined;
  /** Id of the subject. */
  readonly subject?: string | undefined;
  readonly address?: string | undefined;
  /** Milliseconds since the epoch; `from` inclusive, `to` exclusive. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface AuditPosition {
  readonly at: number;
  readonly id: string;
}

export interface AuditQueries {
  /** Newest first; `after` is the last one of the page before; `limit` 1 to 1000. */
  list(filter: AuditFilter, after: AuditPosition | undefined, limit: number): Promise<readonly AuditEntry[]>;
}

export interface AuditCommands {
  append(entry: Omit<AuditEntry, 'id'>): Promise<void>;
  /** Removes up to `limit` of those at or before `cutoff`; returns how many. */
  removeOld(cutoff: number, limit: number): Promise<number>;
}
