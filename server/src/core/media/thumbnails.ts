import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { orCancelled } from '../cancellation.ts';
import type { Downloads, StoredContent } from '../downloads.ts';
import { isOsproxyError, OsproxyError } from '../errors.ts';
import { noFile } from '../files.ts';
import type { Ingest } from '../ingest.ts';
import type { PlacedBlob } from '../model/blob.ts';
import type { FileContent } from '../model/file.ts';
import type { MediaRecord, MediaRefusal } from '../model/media.ts';
import type { Clock } from '../ports/clock.ts';
import type { MediaTools, ThumbnailWish } from '../ports/media-tools.ts';
import type { RenditionKey } from '../ports/metadata/media.ts';
import type { Metadata } from '../ports/metadata.ts';
import { requireIdentity } from './identity.ts';
import { mediaSource } from './media-source.ts';

interface ThumbnailSettings {
  /** Longest sides that may be asked for, in pixels. */
  readonly sizes: readonly number[];
  /** Where they are kept; undefined: the default store. */
  readonly store: string | undefined;
}

export interface ThumbnailDependencies {
  readonly metadata: Metadata;
  readonly downloads: Downloads;
  readonly ingest: Ingest;
  readonly tools: MediaTools;
  readonly clock: Clock;
  readonly thumbnails: ThumbnailSettings;
}

/** One who makes a picture and is silent for this long is given up. */
const MADE_WITHIN_MS = 120_000;
const LOOK_MS = 100;
const IMAGES_ONLY: MediaRefusal = { reason: 'unsupported', message: 'There are thumbnails of images only.' };

/** Smaller pictures of images: made once, when they are first asked for, and kept as long as the content. */
export class Thumbnails {
  readonly #dependencies: ThumbnailDependencies;
  readonly #making = new Map<string, Promise<PlacedBlob>>();
  readonly #closing = new AbortController();

  constructor(dependencies: ThumbnailDependencies) {
    this.#dependencies = dependencies;
  }

  get sizes(): readonly number[] {
    return this.#dependencies.thumbnails.sizes;
  }

  /**
   * Throws InvalidArgument for a size that is not offered, Unsupported with the reason for what is no image that can be looked at, Conflict (to be tried again)
   * while the content is being verified.
   */
  async find(content: FileContent, wish: ThumbnailWish, signal: AbortSignal): Promise<StoredContent> {
    if (!this.sizes.includes(wish.box)) {
      throw new OsproxyError(
        'InvalidArgument',
        `There are thumbnails of the sizes ${this.sizes.join(', ')} only.`,
        {
          details: { field: 'size', sizes: this.sizes },
        },
      );
    }
    if (!isImage(content)) throw unsupported(content, IMAGES_ONLY);
    const key = { identity: requireIdentity(content.file), variant: variantOf(wish) };
    const blob = (await this.#made(key)) ?? (await orCancelled(this.#make(key, content, wish), signal));
    const { id: blobId, size, placements } = blob;
    return { file: { size }, parts: [{ blobId, size, placements }] };
  }

  /** Stops what is being made; nothing is asked for afterwards. */
  async close(): Promise<void> {
    this.#closing.abort(new OsproxyError('Unavailable', 'The service is stopping.'));
    await Promise.allSettled(this.#making.values());
  }

  /** All who ask this process for one picture wait for one maker. */
  #make(key: RenditionKey, content: FileContent, wish: ThumbnailWish): Promise<PlacedBlob> {
    const name = `${key.identity}/${key.variant}`;
    const known = this.#making.get(name);
    if (known !== undefined) return known;
    const making = this.#makeOrWait(key, content, wish).finally(() => this.#making.delete(name));
    this.#making.set(name, making);
    return making;
  }

  /** The database lets one process of all nodes make it; the others look whether it is there. */
  async #makeOrWait(key: RenditionKey, content: FileContent, wish: ThumbnailWish): Promise<PlacedBlob> {
    const { metadata, clock } = this.#dependencies;
    const { signal } = this.#closing;
    const holder = randomUUID();
    const end = clock.now() + MADE_WITHIN_MS;
    for (;;) {
      const refusal = (await metadata.media.find(key.identity))?.refusal;
      if (refusal !== undefined) throw unsupported(content, refusal);
      const now = clock.now();
      const taken = await metadata.transaction((r) =>
        r.media.takeRendition(key, holder, now, now + MADE_WITHIN_MS),
      );
      if (taken) return this.#makeNow(key, content, wish, holder);
      const made = await this.#made(key);
      if (made !== undefined) return made;
      if (now > end) throw new OsproxyError('Unavailable', 'The thumbnail was not made in time; try again.');
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {
        throw signal.reason;
      });
    }
  }

  async #makeNow(
    key: RenditionKey,
    content: FileContent,
    wish: ThumbnailWish,
    holder: string,
  ): Promise<PlacedBlob> {
    const { metadata, downloads, tools } = this.#dependencies;
    try {
      const pictured = await tools.picture(mediaSource(downloads, content), wish, this.#closing.signal);
      if (pictured.facts !== undefined) {
        await this.#keep(key, content, pictured);
        const made = await this.#made(key);
        if (made !== undefined) return made;
        throw new OsproxyError('Unavailable', 'The thumbnail is gone again; try again.');
      }
      const record = this.#record(key, content, { facts: undefined, refusal: pictured.refusal });
      await metadata.transaction(async (r) => {
        if (await r.manifests.keep(content.file.manifestId)) await r.media.put(record);
      });
      throw unsupported(content, pictured.refusal);
    } finally {
      // Does nothing once it is made. Where the database is away its time ends.
      await metadata.transaction((r) => r.media.giveUpRendition(key, holder)).catch(() => {});
    }
  }

  async #keep(
    key: RenditionKey,
    content: FileContent,
    { facts, thumbnail }: Extract<Awaited<ReturnType<MediaTools['picture']>>, { thumbnail: unknown }>,
  ): Promise<void> {
    const { ingest, clock, thumbnails } = this.#dependencies;
    const { bytes } = thumbnail;
    const input = (async function* () {
      yield bytes;
    })();
    const landed = await ingest.land(
      input,
      { size: bytes.byteLength },
      this.#closing.signal,
      thumbnails.store,
    );
    const record = this.#record(key, content, { facts, refusal: undefined });
    await ingest.commit(landed, async (repositories, settle) => {
      if (!(await repositories.manifests.keep(content.file.manifestId))) throw noFile(content.file.uid);
      const { blobId } = await settle();
      await repositories.media.put(record);
      await repositories.media.putRendition(key, blobId, clock.now());
    });
  }

  /** One whose bytes were lost is made again. */
  async #made(key: RenditionKey): Promise<PlacedBlob | undefined> {
    const { metadata, clock } = this.#dependencies;
    const blob = (await metadata.media.rendition(key))?.blob;
    if (blob === undefined || blob.placements.length > 0) return blob;
    await metadata.transaction((r) => r.media.removeRendition(key, blob.id, clock.now()));
    return undefined;
  }

  #record(
    { identity }: RenditionKey,
    { file }: FileContent,
    found: Pick<MediaRecord, 'facts' | 'refusal'>,
  ): MediaRecord {
    return { identity, uid: file.uid, probedAt: this.#dependencies.clock.now(), ...found } as MediaRecord;
  }
}

function variantOf({ format, box }: ThumbnailWish): string {
  return `${format}-${box}`;
}

function unsupported({ file }: FileContent, { reason, message }: MediaRefusal): OsproxyError {
  return new OsproxyError('Unsupported', `There is no thumbnail of this file: ${message}`, {
    details: { uid: file.uid, reason },
  });
}

/** By the type that was found in the bytes. */
export function isImage({ file }: FileContent): boolean {
  return file.contentType.startsWith('image/');
}

/** True for a failure that says that this image will never have one. */
export function isRefused(error: unknown): boolean {
  return isOsproxyError(error, 'Unsupported');
}
