import type { Share, ShareTries, TicketRecord } from '../../model/share.ts';

export interface SharePageQuery {
  readonly userId: string;
  /** Only shares of this entry. */
  readonly entryId?: string | undefined;
  /** Id that the page before ended with. */
  readonly after?: string | undefined;
  /** 1 to 1000. */
  readonly limit: number;
}

export interface ShareQueries {
  find(id: string): Promise<Share | undefined>;
  /** By the SHA-256 of its key, in lower-case hex. */
  findByKey(keyHash: string): Promise<Share | undefined>;
  /** The newest first. */
  list(query: SharePageQuery): Promise<readonly Share[]>;
  /** Which of these entries have a share. At most 1000. */
  sharedAmong(entryIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Until when a visitor's requests are one download; undefined where none was counted. */
  visit(shareId: string, visitor: string): Promise<number | undefined>;
  findTicket(hash: string): Promise<TicketRecord | undefined>;
}

export interface ShareCommands {
  insert(share: Share, keyHash: string): Promise<void>;
  /** As find, and keeps others from changing the row until the transaction ends. */
  lock(id: string): Promise<Share | undefined>;
  /** Writes everything that can change about it. */
  update(share: Share): Promise<void>;
  /** With what is known of its visitors; false when there is none. */
  remove(id: string): Promise<boolean>;
  putVisit(shareId: string, visitor: string, until: number): Promise<void>;
  /** Visits that ended at or before `cutoff`; returns how many. */
  removeVisits(cutoff: number, limit: number): Promise<number>;
  /** The tries under this name, begun anew where there are none; nobody else changes them until the transaction ends. */
  lockTries(name: string, until: number): Promise<ShareTries>;
  setTries(name: string, tries: ShareTries): Promise<void>;
  /** Tries that are to be forgotten at `cutoff`; returns how many. */
  removeTries(cutoff: number, limit: number): Promise<number>;
  insertTicket(ticket: TicketRecord): Promise<void>;
  /** False when it is gone: of several that take it one succeeds. */
  takeTicket(hash: string): Promise<boolean>;
  /** Tickets that expired at or before `cutoff`; returns how many. */
  removeTickets(cutoff: number, limit: number): Promise<number>;
}
