import type { FileContent, FileRecord } from './model/file.ts';
import type { Uid } from './model/uid.ts';
import type { Cache } from './ports/cache.ts';
import type { Coordinator } from './ports/coordinator.ts';
import type { FilePageQuery } from './ports/metadata/files.ts';
import type { Metadata } from './ports/metadata.ts';
import { FILE_CHANGED, type RelaxedFiles } from './relaxed-files.ts';

/** A longer manifest is not worth its memory. */
const MAX_CACHED_PARTS = 512;

/** File records with their manifests, cached for a few seconds; a change on any node drops the entry everywhere. */
export class FileRecords {
  readonly #metadata: Metadata;
  readonly #cache: Cache;
  readonly #coordinator: Coordinator;
  readonly #ttlMs: number;
  readonly #relaxed: RelaxedFiles | undefined;
  /** Set from the first look-up on: before it there is nothing to forget, and the database may not have its tables yet. */
  #unsubscribe: (() => void) | undefined;

  /** `ttlMs` 0 turns the cache off. `relaxed` is there where the database has replicas; it is closed with this one. */
  constructor(options: {
    metadata: Metadata;
    cache: Cache;
    coordinator: Coordinator;
    ttlMs: number;
    relaxed?: RelaxedFiles | undefined;
  }) {
    this.#metadata = options.metadata;
    this.#cache = options.cache;
    this.#coordinator = options.coordinator;
    this.#ttlMs = options.ttlMs;
    this.#relaxed = options.relaxed;
  }

  /** A file of any state but deleted; undefined for any other uid. */
  async find(uid: Uid): Promise<FileContent | undefined> {
    if (this.#ttlMs <= 0) return this.#read(uid);
    this.#unsubscribe ??= this.#coordinator.subscribe(FILE_CHANGED, (changed) => {
      void this.#cache.forget(cacheKey(changed)).catch(() => {});
    });
    let reading: Promise<FileContent | undefined> | undefined;
    const read = () => {
      reading = this.#read(uid);
      return reading;
    };
    try {
      return await this.#cache.load(cacheKey(uid), this.#ttlMs, read, isWorthKeeping);
    } catch {
      // Either the database failed, which is the answer, or the cache did, which is none.
      return reading ?? this.#read(uid);
    }
  }

  /**
   * For those who hold a link: whether the file is here and which links it still honours is read from the database; only the list of its parts may come
   * from the cache. So no cache on any node outlives a revocation.
   */
  async findCurrent(uid: Uid): Promise<FileContent | undefined> {
    if (this.#ttlMs <= 0) return this.#read(uid);
    const [cached, file] = await Promise.all([this.find(uid), this.#metadata.files.find(uid)]);
    if (file === undefined || file.state === 'deleted') return undefined;
    const same = cached?.file.manifestId === file.manifestId && cached.file.generation === file.generation;
    return same ? { file, parts: cached.parts } : this.#read(uid);
  }

  /** Files of any state but deleted. */
  list(query: FilePageQuery): Promise<readonly FileRecord[]> {
    return this.#relaxed?.list(query) ?? this.#metadata.files.list(query);
  }

  /** The truth of this moment, past the cache and any replica. */
  findFresh(uid: Uid): Promise<FileContent | undefined> {
    return this.#metadata.files.content(uid);
  }

  /** To be called after the commit of any change to the file. */
  async changed(uid: Uid): Promise<void> {
    this.#relaxed?.changed(uid);
    // A cache that cannot be reached answers nobody; its entries end with their time.
    await this.#cache.delete(cacheKey(uid)).catch(() => {});
    // The change itself is committed: where others cannot be told, their entries end with their time.
    await this.#coordinator.publish(FILE_CHANGED, uid).catch(() => {});
  }

  /** To be called after the commit of a new file. */
  async arrived(file: FileRecord): Promise<void> {
    await this.#relaxed?.arrived(file);
  }

  close(): void {
    this.#unsubscribe?.();
    this.#relaxed?.close();
  }

  #read(uid: Uid): Promise<FileContent | undefined> {
    return this.#relaxed?.content(uid) ?? this.findFresh(uid);
  }
}

function isWorthKeeping(content: FileContent | undefined): boolean {
  return content !== undefined && content.parts.length <= MAX_CACHED_PARTS;
}

function cacheKey(uid: Uid): string {
  return `file/${uid}`;
}
