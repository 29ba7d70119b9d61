import type { Generated } from 'kysely';
import type { Id, Int, Num, OptionalId, OptionalNum } from './columns.ts';

export interface TaskTable {
  id: Id;
  type: string;
  key: string;
  /** "type:key" while pending or running, else null: unique, so that one live task has each key. */
  live_key: string | null;
  /** JSON. */
  payload: string;
  state: string;
  run_at: Num;
  attempts: Num;
  max_attempts: Num;
  fence: Num;
  node: string | null;
  lease_until: OptionalNum;
  last_error: string | null;
  created_at: Num;
  updated_at: Num;
  ended_at: OptionalNum;
  /** Place in TASK_PRIORITIES. */
  priority: Num;
  /** JSON. */
  progress: string | null;
  cancel_at: OptionalNum;
  cancel_reason: string | null;
}

/** What all nodes agree on for a type of tasks; made when a type is claimed, paused or scheduled first. */
export interface TaskTypeTable {
  type: string;
  paused_at: OptionalNum;
  schedule: string | null;
  /** Written by each claim of a type with a limit, so that two never count at once. */
  claims: Num;
}

export interface TaskAttemptTable {
  task_id: Id;
  fence: Num;
  node: string;
  started_at: Num;
  finished_at: OptionalNum;
  outcome: string;
  error: string | null;
}

export interface LeaseTable {
  name: string;
  /** Null after a release. */
  holder: string | null;
  fence: Num;
  expires_at: Num;
  value: Num;
}

export interface NodeTable {
  id: string;
  address: string;
  version: string;
  started_at: Num;
  heartbeat_at: Num;
  status: string | null;
}

export interface MessageTable {
  id: Generated<Int>;
  topic: string;
  message: string;
  at: Num;
}

export interface ReplicaBeatTable {
  process: string;
  /** When it was written, on the monotonic clock of that process. */
  beat: Num;
  /** The same on the wall clock, to tell rows of processes that are gone. */
  written_at: Num;
}

export interface EventInboxTable {
  serial: Generated<Int>;
  type: string;
  subject: string;
  owner: string | null;
  /** JSON. */
  data: string;
  at: Num;
}

export interface EventTable {
  position: Generated<Int>;
  type: string;
  subject: string;
  owner: string | null;
  /** JSON. */
  data: string;
  at: Num;
}

export interface EventSinkTable {
  name: string;
  position: OptionalId;
  fence: Num;
  state: string;
  reason: string | null;
  failing_since: OptionalNum;
  retry_at: OptionalNum;
  updated_at: Num;
}

export interface EventDeliveryTable {
  sink: string;
  position: Id;
  state: string;
  attempts: Num;
  /** Null while parked, or while an earlier one of its subject waits. */
  next_at: OptionalNum;
  reason: string | null;
  type: string;
  subject: string;
  owner: string | null;
  /** JSON. */
  data: string;
  at: Num;
}

export interface UsageTotalTable {
  day: Num;
  owner: string;
  key_id: string;
  store: string;
  uploads: Num;
  uploaded_bytes: Num;
  downloads: Num;
  downloaded_bytes: Num;
  failures: Num;
  duration_ms: Num;
}

export interface UsageSourceTable {
  source: string;
  number: Num;
  updated_at: Num;
}
