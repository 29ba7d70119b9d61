import { OsproxyError } from '#core/errors.ts';
import type {
  ByteRange,
  ByteSource,
  CallOptions,
  ListedObject,
  ObjectStat,
  PutOptions,
  StorageDriver,
  StoredObject,
} from '#core/ports/storage-driver.ts';
import { throwIfCancelled } from '../abort.ts';
import { assertKey } from '../keys.ts';
import { resolveRange } from '../ranges.ts';
import { SourceReader } from '../source-reader.ts';

const CHUNK_BYTES = 256 * 1024;

interface Entry {
  readonly bytes: Uint8Array;
  readonly modifiedAt: Date;
}

/** Keeps every object whole in this process; for tests and demonstrations, as nothing survives a restart. */
export class MemoryDriver implements StorageDriver {
  readonly nodeLocal = true;
  readonly #entries = new Map<string, Entry>();

  async put(key: string, source: ByteSource, options: PutOptions = {}): Promise<{ readonly size: number }> {
    assertKey(key);
    const { signal } = options;
    const reader = new SourceReader(source, signal);
    const chunks: Uint8Array[] = [];
    try {
      for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
        chunks.push(Uint8Array.from(chunk));
      }
    } catch (error) {
      await reader.close();
      throw error;
    }
    throwIfCancelled(signal);
    return this.#store(key, chunks);
  }

  async open(key: string, range?: ByteRange, options: CallOptions = {}): Promise<StoredObject> {
    const { bytes } = this.#find(key, options.signal);
    const { offset, length } = resolveRange(range, bytes.length);
    const part = bytes.subarray(offset, offset + length);
    return { size: bytes.length, bytes: part, chunks: inChunks(part, options.signal), close: async () => {} };
  }

  async stat(key: string, options: CallOptions = {}): Promise<ObjectStat> {
    const { bytes, modifiedAt } = this.#find(key, options.signal);
    return { size: bytes.length, modifiedAt };
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    throwIfCancelled(options.signal);
    assertKey(key);
    this.#entries.delete(key);
  }

  async *list(prefix = '', options: CallOptions = {}): AsyncGenerator<ListedObject> {
    throwIfCancelled(options.signal);
    for (const [key, { bytes, modifiedAt }] of this.#entries) {
      if (!key.startsWith(prefix)) continue;
      yield { key, size: bytes.length, modifiedAt };
      throwIfCancelled(options.signal);
    }
  }

  async compose(
    key: string,
    sources: readonly string[],
    options: CallOptions = {},
  ): Promise<{ readonly size: number }> {
    assertKey(key);
    return this.#store(
      key,
      sources.map((source) => this.#find(source, options.signal).bytes),
    );
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }

  #store(key: string, chunks: readonly Uint8Array[]): { readonly size: number } {
    const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let position = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, position);
      position += chunk.length;
    }
    this.#entries.set(key, { bytes, modifiedAt: new Date() });
    return { size: bytes.length };
  }

  #find(key: string, signal: AbortSignal | undefined): Entry {
    throwIfCancelled(signal);
    assertKey(key);
    const entry = this.#entries.get(key);
    if (entry !== undefined) return entry;
    throw new OsproxyError('NotFound', 'The store holds no such object.');
  }
}

async function* inChunks(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    throwIfCancelled(signal);
    yield bytes.subarray(from, from + CHUNK_BYTES);
  }
}
