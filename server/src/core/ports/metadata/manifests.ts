import type { ContentPart } from '../../model/file.ts';
import type { Manifest } from '../../model/manifest.ts';

export interface ManifestQueries {
  find(id: string): Promise<Manifest | undefined>;
  /** Its parts in order with every placement; none for a manifest that is not here. */
  parts(id: string): Promise<readonly ContentPart[]>;
  /**
   * Verified manifests of this content that are not about to be purged: at most 4, those of the fewest parts first, then the oldest. With `named` only
   * those that a ready file of the owner names, or of anybody; with `namePrefix` one of the owner whose name begins so.
   */
  findVerified(
    digest: { sha256?: string; md5?: string; sha1?: string },
    size: number | undefined,
    named?: { readonly owner: string | undefined; readonly namePrefix?: string | undefined },
  ): Promise<readonly Manifest[]>;
}

export interface ManifestCommands {
  insert(manifest: Manifest): Promise<void>;
  /** Keeps the SHA-1 that this service computed of its content. */
  learnSha1(id: string, sha1: string): Promise<void>;
  /** Takes a reference: clears the idle mark. False when the manifest is gone, then it must not be used. */
  claim(id: string): Promise<boolean>;
  /** As claim, for at most 1000; those that are gone are left out of the answer. */
  claimMany(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Keeps it from being removed until the transaction ends; false when it is gone. */
  keep(id: string): Promise<boolean>;
  /** Says that a file stopped naming it at `at`. */
  markIdle(id: string, at: number): Promise<void>;
  /** As markIdle, for at most 1000. */
  markManyIdle(ids: readonly string[], at: number): Promise<void>;
  /**
   * Looks at up to `limit` manifests idle since `cutoff` or longer: one that a ready or held file names loses its mark, the others are removed
   * and their blobs marked idle as of `cutoff`; what is known about contents that no manifest has any more goes as well. Excludes claim() in the database. Nothing is left when it `looked` at none.
   */
  removeIdle(cutoff: number, limit: number): Promise<{ readonly looked: number; readonly removed: number }>;
}
