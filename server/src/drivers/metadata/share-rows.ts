import type { Id, Num, OptionalNum } from './columns.ts';

interface ShareTable {
  id: Id;
  user_id: Id;
  entry_id: Id;
  share_key: string;
  key_hash: string;
  permission: string;
  label: string | null;
  password: string | null;
  password_epoch: Num;
  expires_at: OptionalNum;
  max_downloads: OptionalNum;
  downloads: Num;
  max_uploads: OptionalNum;
  max_upload_bytes: OptionalNum;
  uploads: Num;
  created_at: Num;
  updated_at: Num;
  last_used_at: OptionalNum;
}

interface ShareVisitTable {
  share_id: Id;
  visitor: string;
  until: Num;
}

interface ShareTryTable {
  name: string;
  count: Num;
  until: Num;
}

interface DriveTicketTable {
  hash: string;
  user_id: Id;
  session_id: Id;
  /** JSON. */
  wish: string;
  created_at: Num;
  expires_at: Num;
}

export interface ShareTables {
  shares: ShareTable;
  share_visits: ShareVisitTable;
  share_tries: ShareTryTable;
  drive_tickets: DriveTicketTable;
}
