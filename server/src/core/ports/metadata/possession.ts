import type { PossessionChallenge } from '../../model/possession.ts';

export interface PossessionCommands {
  insert(challenge: PossessionChallenge): Promise<void>;
  /** Ends the challenge and gives it to the first who asks; undefined for all others, and where it is another user's. */
  take(id: string, userId: string): Promise<PossessionChallenge | undefined>;
  /** Removes at most `limit` whose time ended by `cutoff`; resolves how many. */
  removeExpired(cutoff: number, limit: number): Promise<number>;
}
