import type { FileContent } from './model/file.ts';
import type { Uid } from './model/uid.ts';
import type { Cache } from './ports/cache.ts';
import type { Coordinator } from './ports/coordinator.ts';
import type { Metadata } from './ports/metadata.ts';

const TOPIC = 'file-changed';
/** A longer manifest is not worth its memory. */
const MAX_CACHED_PARTS = 512;

/** File records with their manifests, cached for a few seconds; a change on any node drops the entry everywhere. */
export class FileRecords {
  readonly #metadata: Metadata;
  readonly #cache: Cache;
  readonly #coordinator: Coordinator;
  readonly #ttlMs: number;
  /** Set from the first look-up on: before it there is nothing to forget, and the database may not have its tables yet. */
  #unsubscribe: (() => void) | undefined;
  /** Grows with each change seen here; a read that began before is not put into the cache. */
  #changes = 0;

  /** `ttlMs` 0 turns the cache off. */
  constructor(options: { metadata: Metadata; cache: Cache; coordinator: Coordinator; ttlMs: number }) {
    this.#metadata = options.metadata;
    this.#cache = options.cache;
    this.#coordinator = options.coordinator;
    this.#ttlMs = options.ttlMs;
  }

  /** A ready or rejected file; undefined for any other uid. */
  async find(uid: Uid): Promise<FileContent | undefined> {
    if (this.#ttlMs > 0) {
      this.#unsubscribe ??= this.#coordinator.subscribe(TOPIC, (changed) => {
        this.#changes += 1;
        void this.#forget(changed);
      });
      const cached = await this.#cache.get(cacheKey(uid)).catch(() => undefined);
      if (cached !== undefined) return cached as FileContent;
    }
    const seen = this.#changes;
    const content = await this.#metadata.files.content(uid);
    const worthKeeping = content !== undefined && content.parts.length <= MAX_CACHED_PARTS;
    if (this.#ttlMs > 0 && worthKeeping && seen === this.#changes) {
      await this.#cache.set(cacheKey(uid), content, this.#ttlMs).catch(() => {});
    }
    return content;
  }

  /** The truth of this moment, past the cache. */
  findFresh(uid: Uid): Promise<FileContent | undefined> {
    return this.#metadata.files.content(uid);
  }

  /** To be called after the commit of any change to the file. */
  async changed(uid: Uid): Promise<void> {
    this.#changes += 1;
    await this.#forget(uid);
    // The change itself is committed: where others cannot be told, their entries end with their time.
    await this.#coordinator.publish(TOPIC, uid).catch(() => {});
  }

  /** A cache that cannot be reached answers nobody; its entries end with their time. */
  #forget(uid: Uid): Promise<void> {
    return this.#cache.delete(cacheKey(uid)).catch(() => {});
  }

  close(): void {
    this.#unsubscribe?.();
  }
}

function cacheKey(uid: Uid): string {
  return `file/${uid}`;
}
