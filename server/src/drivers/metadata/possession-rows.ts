import type { Id, Num } from './columns.ts';

export interface PossessionChallengeTable {
  id: Id;
  user_id: Id;
  sha256: string;
  size: Num;
  nonce: string;
  created_at: Num;
  expires_at: Num;
}
