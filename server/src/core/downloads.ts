import { OsproxyError } from './errors.ts';
import type { ContentPart } from './model/file.ts';
import { CONTENT_TYPE_HEAD_BYTES } from './ports/content-typer.ts';
import type { MetadataReader } from './ports/metadata.ts';
import type { ByteRange, StoredObject } from './ports/storage-driver.ts';
import { type Slice, SliceReader, type SliceStores } from './slice-reader.ts';
import { StoreHealth } from './store-health.ts';
import type { Stores } from './stores.ts';

/** The bytes of a range on their way out. */
export interface FileBody {
  readonly length: number;
  /** All of them at once, where they are in memory already; not to be changed. */
  readonly bytes?: Uint8Array;
  /** A chunk is valid only until the next is asked for; a failure in the middle throws, it never pads or ends early. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Frees everything behind the body; needed when `chunks` is not iterated. Safe to call twice. */
  close(): Promise<void>;
}

/** What is read: its size and its parts. */
export interface StoredContent {
  readonly file: { readonly size: number };
  readonly parts: readonly ContentPart[];
}

/** Turns a manifest and a range into one stream. */
export class Downloads {
  readonly #where: SliceStores;

  /** `metadata` is asked where a blob is now when no placement that a reader knows can be read. */
  constructor(stores: Stores, metadata?: Pick<MetadataReader, 'blobs'>) {
    this.#where = {
      stores,
      health: new StoreHealth(),
      placementsOf: async (blobId) => (await metadata?.blobs.find(blobId))?.placements ?? [],
    };
  }

  /**
   * Opens the range (default: all bytes); the first part's object is open when it resolves, so an error comes before the first byte.
   * The range must lie inside the content. A store that fails is left for the next placement, also in the middle of a part. Throws Unavailable
   * when no placement of a part can be read from here.
   */
  async read(
    content: StoredContent,
    range: ByteRange | undefined,
    signal: AbortSignal | undefined,
  ): Promise<FileBody> {
    const { offset, length } = range ?? { offset: 0, length: content.file.size };
    const slices = slicesOf(content.parts, offset, length);
    const [first] = slices;
    if (first === undefined) return emptyBody();
    const reader = new SliceReader(first, this.#where, signal);
    const opened = await reader.open(0);
    if (slices.length === 1 && opened.bytes !== undefined) {
      return { length, bytes: opened.bytes, chunks: opened.chunks, close: () => opened.close() };
    }
    const open = async (slice: Slice): Promise<OpenSlice> => {
      const next = new SliceReader(slice, this.#where, signal);
      return { reader: next, object: await next.open(0) };
    };
    return new ManifestBody(length, slices, { reader, object: opened }, open);
  }

  /** The first bytes of a content, for type detection; also shows that they can be read. */
  readHead(content: StoredContent, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const length = Math.min(CONTENT_TYPE_HEAD_BYTES, content.file.size);
    return this.readRange(content, { offset: 0, length }, signal);
  }

  /** The bytes of a short range at once; throws as `read` does. */
  async readRange(
    content: StoredContent,
    range: ByteRange,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const body = await this.read(content, range, signal);
    const chunks: Buffer[] = [];
    for await (const chunk of body.chunks) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }
}

interface OpenSlice {
  readonly reader: SliceReader;
  readonly object: StoredObject;
}

/** The next part is opened while the current one is being sent. */
class ManifestBody implements FileBody {
  readonly length: number;
  readonly #slices: readonly Slice[];
  readonly #openSlice: (slice: Slice) => Promise<OpenSlice>;
  #current: StoredObject | undefined;
  #upcoming: Promise<OpenSlice> | undefined;
  #next = 1;
  #closed = false;

  constructor(
    length: number,
    slices: readonly Slice[],
    first: OpenSlice,
    openSlice: (slice: Slice) => Promise<OpenSlice>,
  ) {
    this.length = length;
    this.#slices = slices;
    this.#openSlice = openSlice;
    this.#upcoming = Promise.resolve(first);
  }

  get chunks(): AsyncIterable<Uint8Array> {
    return { [Symbol.asyncIterator]: () => this.#iterator() };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const current = this.#current;
    const upcoming = this.#upcoming;
    this.#current = undefined;
    this.#upcoming = undefined;
    this.#next = this.#slices.length;
    await current?.close();
    const opened = await upcoming?.catch(() => undefined);
    await opened?.object.close();
  }

  /** A generator that is ended before its first step runs none of its code, so ending it also closes. */
  #iterator(): AsyncIterator<Uint8Array> {
    const generator = this.#iterate();
    return {
      next: () => generator.next(),
      return: async () => {
        const ended = generator.return(undefined);
        await this.close();
        return ended;
      },
    };
  }

  async *#iterate(): AsyncGenerator<Uint8Array, undefined> {
    try {
      while (this.#upcoming !== undefined) {
        const { reader, object } = await this.#upcoming;
        this.#current = object;
        this.#upcoming = this.#openNext();
        const { length } = reader.slice;
        for (let done = 0; ; ) {
          try {
            for await (const chunk of this.#current?.chunks ?? []) {
              if (done + chunk.byteLength > length) throw wrongLength('has more', length);
              done += chunk.byteLength;
              yield chunk;
            }
            if (done === length) break;
            throw wrongLength(`ended after ${done}`, length);
          } catch (error) {
            // What a store says against bytes that are sent already cannot be mended.
            if (this.#closed || done === length) throw error;
            reader.giveUp(error);
          }
          await this.#replace(reader, done);
        }
      }
    } finally {
      await this.close();
    }
    return undefined;
  }

  /** What is missing of a part comes from another place; a reader that left meanwhile must not leave it open. */
  async #replace(reader: SliceReader, done: number): Promise<void> {
    const broken = this.#current;
    this.#current = undefined;
    await broken?.close().catch(() => {});
    const object = await reader.open(done);
    if (this.#closed) await object.close();
    else this.#current = object;
  }

  #openNext(): Promise<OpenSlice> | undefined {
    const slice = this.#slices[this.#next];
    if (slice === undefined) return undefined;
    this.#next += 1;
    const opening = this.#openSlice(slice);
    // A failure counts when the part is needed; until then it must not be an unhandled rejection.
    opening.catch(() => {});
    return opening;
  }
}

function emptyBody(): FileBody {
  const nothing = (async function* (): AsyncGenerator<Uint8Array> {})();
  return { length: 0, bytes: new Uint8Array(0), chunks: nothing, close: async () => {} };
}

function wrongLength(what: string, length: number): OsproxyError {
  return new OsproxyError('Internal', `Stored content ${what} of ${length} bytes.`);
}

function slicesOf(parts: readonly ContentPart[], offset: number, length: number): Slice[] {
  const slices: Slice[] = [];
  const end = offset + length;
  let start = 0;
  for (const part of parts) {
    const from = Math.max(offset, start);
    const to = Math.min(end, start + part.size);
    if (from < to) slices.push({ part, offset: from - start, length: to - from });
    start += part.size;
    if (start >= end) break;
  }
  return slices;
}
