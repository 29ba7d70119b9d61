import type { PlacedBlob } from '../../model/blob.ts';
import type { MediaReason, MediaRecord } from '../../model/media.ts';

/** A smaller picture of a content; `blob` is undefined while somebody makes it. */
export interface Rendition {
  readonly blob: PlacedBlob | undefined;
}

/** Which picture of which content: the identity of the content, and a name such as `webp-256`. */
export interface RenditionKey {
  readonly identity: string;
  readonly variant: string;
}

export interface MediaQueries {
  find(identity: string): Promise<MediaRecord | undefined>;
  /** In no particular order; absent ones are left out. At most 1000. */
  findMany(identities: readonly string[]): Promise<readonly MediaRecord[]>;
  /** Contents that were refused for this reason, by identity; `after` exclusive. */
  refused(reason: MediaReason, after: string | undefined, limit: number): Promise<readonly MediaRecord[]>;
  rendition(key: RenditionKey): Promise<Rendition | undefined>;
}

export interface MediaCommands {
  /** Takes the place of what was known about the content. */
  put(record: MediaRecord): Promise<void>;
  /** Forgets what is known about a content; its renditions stay. */
  forget(identity: string): Promise<void>;
  /** True for one who may make the picture until `until`: there is none, and nobody else makes it. */
  takeRendition(key: RenditionKey, holder: string, now: number, until: number): Promise<boolean>;
  /** The picture that was made; its blob is kept as long as the content. */
  putRendition(key: RenditionKey, blobId: string, now: number): Promise<void>;
  /** Forgets the picture, as long as it is this blob, so that it can be made again. */
  removeRendition(key: RenditionKey, blobId: string, now: number): Promise<void>;
  /** Lets others make it, where this holder was about to. */
  giveUpRendition(key: RenditionKey, holder: string): Promise<void>;
}
