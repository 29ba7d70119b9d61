import { throwIfCancelled } from './cancellation.ts';
import { OsproxyError } from './errors.ts';
import type { ContentPart, FileContent } from './model/file.ts';
import { CONTENT_TYPE_HEAD_BYTES } from './ports/content-typer.ts';
import type { ByteRange, StoredObject } from './ports/storage-driver.ts';
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

/** The piece of one part that a range touches. */
interface Slice {
  readonly part: ContentPart;
  readonly offset: number;
  readonly length: number;
}

/** Turns a manifest and a range into one stream. */
export class Downloads {
  readonly #stores: Stores;

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  /**
   * Opens the range (default: all bytes); the first part's object is open when it resolves, so an error comes before the first byte.
   * The range must lie inside the content. Throws Unavailable when no placement of a part can be read from here.
   */
  async read(
    content: FileContent,
    range: ByteRange | undefined,
    signal: AbortSignal | undefined,
  ): Promise<FileBody> {
    const { offset, length } = range ?? { offset: 0, length: content.file.size };
    const slices = slicesOf(content.parts, offset, length);
    const [first] = slices;
    if (first === undefined) return emptyBody();
    const opened = await this.#open(first, signal);
    if (slices.length === 1 && opened.bytes !== undefined) {
      return { length, bytes: opened.bytes, chunks: opened.chunks, close: () => opened.close() };
    }
    return new ManifestBody(length, slices, opened, (slice) => this.#open(slice, signal));
  }

  /** The first bytes of a content, for type detection; also shows that they can be read. */
  async readHead(content: FileContent, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const length = Math.min(CONTENT_TYPE_HEAD_BYTES, content.file.size);
    const body = await this.read(content, { offset: 0, length }, signal);
    const chunks: Buffer[] = [];
    for await (const chunk of body.chunks) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  /** Near placements in order; the next is tried when one fails. */
  async #open(slice: Slice, signal: AbortSignal | undefined): Promise<StoredObject> {
    let failure: unknown;
    for (const placement of slice.part.placements) {
      if (!this.#stores.isNear(placement)) continue;
      try {
        const whole = slice.offset === 0 && slice.length === slice.part.size;
        const range = whole ? undefined : { offset: slice.offset, length: slice.length };
        const opened = await this.#stores.driver(placement.store).open(placement.key, range, { signal });
        if (opened.size === slice.part.size) return opened;
        await opened.close();
        failure = new OsproxyError('Internal', 'Stored bytes do not have the recorded size.');
      } catch (error) {
        throwIfCancelled(signal);
        failure = error;
      }
    }
    throw new OsproxyError('Unavailable', 'The content of this file cannot be read at the moment.', {
      cause: failure,
      retryAfterSeconds: 5,
    });
  }
}

/** The next part is opened while the current one is being sent. */
class ManifestBody implements FileBody {
  readonly length: number;
  readonly #slices: readonly Slice[];
  readonly #openSlice: (slice: Slice) => Promise<StoredObject>;
  #current: StoredObject | undefined;
  #upcoming: Promise<StoredObject> | undefined;
  #next = 1;

  constructor(
    length: number,
    slices: readonly Slice[],
    first: StoredObject,
    openSlice: (slice: Slice) => Promise<StoredObject>,
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
    const current = this.#current;
    const upcoming = this.#upcoming;
    this.#current = undefined;
    this.#upcoming = undefined;
    this.#next = this.#slices.length;
    await current?.close();
    const opened = await upcoming?.catch(() => undefined);
    await opened?.close();
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
    let sent = 0;
    try {
      while (this.#upcoming !== undefined) {
        const current = await this.#upcoming;
        this.#current = current;
        this.#upcoming = this.#openNext();
        for await (const chunk of current.chunks) {
          sent += chunk.byteLength;
          yield chunk;
        }
      }
    } finally {
      await this.close();
    }
    if (sent !== this.length) {
      throw new OsproxyError('Internal', `The content ended after ${sent} of ${this.length} bytes.`);
    }
    return undefined;
  }

  #openNext(): Promise<StoredObject> | undefined {
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
