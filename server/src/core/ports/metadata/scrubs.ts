import type { Placement } from '../../model/blob.ts';
import type { ScrubFinding, ScrubRecord } from '../../model/scrub.ts';

export interface ScrubQueries {
  find(store: string, node: string | undefined): Promise<ScrubRecord | undefined>;
  /** Every store and node that was ever looked at. */
  list(): Promise<readonly ScrubRecord[]>;
  /** What is wrong and not mended, in ascending order of blob ids. */
  findings(limit: number): Promise<readonly ScrubFinding[]>;
  /** Those of one store and node whose time has come, the earliest first. */
  dueFindings(
    store: string,
    node: string | undefined,
    now: number,
    limit: number,
  ): Promise<readonly ScrubFinding[]>;
  /** The places of a blob that are known to have wrong bytes while no other has good ones. */
  lost(blobId: string): Promise<readonly Placement[]>;
  /** How many findings there are, by store and by whether the content is lost. */
  counts(): Promise<readonly { readonly store: string; readonly lost: boolean; readonly count: number }[]>;
}

export interface ScrubCommands {
  /** Writes all but `requestedAt`, which belongs to request(). */
  save(record: ScrubRecord): Promise<void>;
  /** Asks for a new round of every store whose last one is over; returns how many. */
  request(at: number): Promise<number>;
  /** True when its content was not known to be lost before, and now is. */
  putFinding(finding: ScrubFinding): Promise<boolean>;
  removeFinding(store: string, key: string): Promise<void>;
  /** Forgets what no round from `round` on has met. */
  removeFindingsBefore(store: string, node: string | undefined, round: number): Promise<void>;
  /** Good bytes of the blob are here again. */
  forgetBlob(blobId: string): Promise<void>;
}
