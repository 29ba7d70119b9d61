import type { Generated } from 'kysely';
import type { Id, Int, Num, OptionalNum } from './columns.ts';

export interface AuditTable {
  id: Generated<Int>;
  at: Num;
  actor_kind: string;
  actor_id: string | null;
  actor_name: string | null;
  action: string;
  subject_kind: string;
  subject_id: string | null;
  address: string | null;
  user_agent: string | null;
  request_id: string | null;
  outcome: string;
  /** JSON. */
  detail: string;
}

export interface GroupTable {
  id: Id;
  name: string;
  name_key: string;
  quota_bytes: OptionalNum;
  store: string | null;
  created_at: Num;
  updated_at: Num;
}
