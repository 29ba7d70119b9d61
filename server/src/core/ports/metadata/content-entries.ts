import type { Entry } from '../../model/entry.ts';

/** What this service computed of a content, in lower-case hex. */
export interface ContentDigests {
  readonly sha256: string | undefined;
  /** Known where an upload asked for it. */
  readonly sha1: string | undefined;
}

export type ContentDigest = { readonly sha256: string } | { readonly sha1: string };

/** Files of drives by what is in them. */
export interface ContentEntryQueries {
  /**
   * A person's files whose present content was verified to have this digest, the last made first; 1000 at most. They are in their place, which may be in a folder that is
   * in the trash.
   */
  having(userId: string, digest: ContentDigest): Promise<readonly Entry[]>;
  /** People who have a file of this verified content that can be read, in their drives or elsewhere, by owner; 1000 at most. */
  peopleHaving(digest: ContentDigest, size: number): Promise<readonly string[]>;
  /** The digests of these files, by uid; files whose content nobody has verified yet are left out. At most 1000. */
  digestsOf(uids: readonly string[]): Promise<ReadonlyMap<string, ContentDigests>>;
}
