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
  readonly #unsubscribe: () => void;
  /** Grows with each change seen here; a read that began before is not put into the cache. */
  #changes = 0;

  /** `ttlMs` 0 turns the cache off. */
  constructor(options: { metadata: Metadata; cache: Cache; coordinator: Coordinator; ttlMs: number }) {
    this.#metadata = options.metadata;
    this.#cache = options.cache;
    this.#coordinator = options.coordinator;
    this.#ttlMs = options.ttlMs;
    this.#unsubscribe = options.coordinator.subscribe(TOPIC, (uid) => {
      this.#changes += 1;
      void this.#cache.delete(cacheKey(uid));
    });
  }

  /** A ready or rejected file; undefined for any other uid. */
  async find(uid: Uid): Promise<FileContent | undefined> {
    if (this.#ttlMs > 0) {
      const cached = await this.#cache.get(cacheKey(uid));
      if (cached !== undefined) return cached as FileContent;
    }
    const seen = this.#changes;
    const content = await this.#metadata.files.content(uid);
    const worthKeeping = content !== undefined && content.parts.length <= MAX_CACHED_PARTS;
    if (this.#ttlMs > 0 && worthKeeping && seen === this.#changes) {
      await this.#cache.set(cacheKey(uid), content, this.#ttlMs);
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
    await this.#cache.delete(cacheKey(uid));
    // The change itself is committed: where others cannot be told, their entries end with their time.
    await this.#coordinator.publish(TOPIC, uid).catch(() => {});
  }

  close(): void {
    this.#unsubscribe();
  }
}

function cacheKey(uid: Uid): string {
  return `file/${uid}`;
}
