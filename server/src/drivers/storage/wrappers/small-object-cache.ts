import { isOsproxyError } from '#core/errors.ts';
import type { ByteRange, CallOptions, StorageDriver, StoredObject } from '#core/ports/storage-driver.ts';
import { orCancelled, throwIfCancelled } from '../abort.ts';
import { resolveRange } from '../ranges.ts';
import { ByteLru } from './byte-lru.ts';

export interface SmallObjectCacheOptions {
  /** Bytes the cache may take, about. */
  readonly maxBytes: number;
  /** Larger objects are not kept, in bytes. */
  readonly maxObjectBytes: number;
}

/** The whole range of an opened object, where it is in memory already; not to be changed. */
export function smallBytes(object: StoredObject): Uint8Array | undefined {
  return object.bytes;
}

export interface CachedObject {
  readonly driver: Pick<StorageDriver, 'open'>;
  readonly key: string;
  /** Where one cache is before several drivers; default: the key. */
  readonly name?: string;
}

/** Resolves to the bytes, or to undefined for an object too large to keep. */
type Flight = Promise<Uint8Array | undefined>;

/** Keeps small objects in memory that were opened whole; concurrent opens of one that is missing share one read. */
export class SmallObjectCache {
  readonly #options: SmallObjectCacheOptions;
  readonly #kept: ByteLru;
  readonly #flights = new Map<string, Flight>();

  constructor(options: SmallObjectCacheOptions) {
    this.#options = options;
    this.#kept = new ByteLru(options.maxBytes);
  }

  /** `driver` is asked under `key` for what is not in memory, which is kept as `name`. */
  async open(
    { driver, key, name = key }: CachedObject,
    range: ByteRange | undefined,
    options: CallOptions | undefined,
  ): Promise<StoredObject> {
    const signal = options?.signal;
    for (;;) {
      throwIfCancelled(signal);
      const kept = this.#kept.get(name);
      if (kept !== undefined) return fromMemory(kept, range, signal);
      const flight = this.#flights.get(name);
      if (flight === undefined) break;
      const bytes = await this.#join(flight, signal);
      if (bytes === 'again') continue;
      if (bytes === undefined) return driver.open(key, range, options);
      return fromMemory(bytes, range, signal);
    }
    if (range !== undefined) return driver.open(key, range, options);
    return this.#lead({ driver, key, name }, options);
  }

  /** What is being read of it meanwhile must not be kept either. */
  forget(name: string): void {
    this.#kept.delete(name);
    this.#flights.delete(name);
  }

  clear(): void {
    this.#kept.clear();
    this.#flights.clear();
  }

  /** The one who reads giving up says nothing about the object: the others start over. */
  async #join(flight: Flight, signal: AbortSignal | undefined): Promise<Uint8Array | undefined | 'again'> {
    try {
      return await orCancelled(flight, signal);
    } catch (error) {
      if (isOsproxyError(error, 'Cancelled') && !signal?.aborted) return 'again';
      throw error;
    }
  }

  /** Opens and, where small, reads the object for everybody who asks meanwhile. */
  async #lead(
    { driver, key, name }: Required<CachedObject>,
    options: CallOptions | undefined,
  ): Promise<StoredObject> {
    const landed = Promise.withResolvers<Uint8Array | undefined>();
    landed.promise.catch(() => undefined);
    this.#flights.set(name, landed.promise);
    try {
      const object = await driver.open(key, undefined, options);
      if (object.size > this.#options.maxObjectBytes) {
        landed.resolve(undefined);
        return object;
      }
      const bytes = await readWhole(object);
      // Forgotten meanwhile: these bytes may be those from before.
      if (this.#flights.get(name) === landed.promise) this.#kept.set(name, bytes);
      landed.resolve(bytes);
      return fromMemory(bytes, undefined, options?.signal);
    } catch (error) {
      landed.reject(error);
      throw error;
    } finally {
      if (this.#flights.get(name) === landed.promise) this.#flights.delete(name);
    }
  }
}

async function readWhole(object: StoredObject): Promise<Uint8Array> {
  const ready = object.bytes;
  if (ready !== undefined) {
    await object.close();
    return ready.byteLength === ready.buffer.byteLength ? ready : Uint8Array.from(ready);
  }
  const whole = new Uint8Array(object.size);
  let position = 0;
  for await (const chunk of object.chunks) {
    whole.set(chunk, position);
    position += chunk.length;
  }
  return whole;
}

function fromMemory(
  whole: Uint8Array,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): StoredObject {
  const { offset, length } = resolveRange(range, whole.length);
  const bytes = whole.subarray(offset, offset + length);
  return { size: whole.length, bytes, chunks: oneChunk(bytes, signal), close: async () => {} };
}

async function* oneChunk(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  throwIfCancelled(signal);
  if (bytes.length > 0) yield bytes;
}
