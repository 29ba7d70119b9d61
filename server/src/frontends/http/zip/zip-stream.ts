import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Archive, ArchiveEntry } from '#core/archive/archive.ts';
import type { FileBody } from '#core/downloads.ts';
import { OsproxyError } from '#core/errors.ts';
import { MemberNames } from './member-names.ts';
import {
  aroundLength,
  centralHeader,
  centralLength,
  descriptor,
  endRecords,
  localHeader,
  type Member,
} from './zip-records.ts';

/** Records that wait for bytes of a file to be sent with are sent by themselves from here on. */
const RECORD_BYTES = 64 * 1024;
/** Naming for so long, all others get their turn. */
const TURN_MS = 10;

/** An archive as a ZIP of stored members: what it will be is known before the first byte is read. */
export class ZipStream {
  readonly #archive: Archive;
  readonly #members: readonly Member[];
  /** Bytes of the whole. */
  readonly length: number;

  private constructor(archive: Archive, members: readonly Member[], length: number) {
    this.#archive = archive;
    this.#members = members;
    this.length = length;
  }

  /** Names and measures the members, a few at a time: nobody else waits for an archive of many. Rejects with TooLarge as MemberNames throws it. */
  static async of(archive: Archive): Promise<ZipStream> {
    const names = new MemberNames();
    const members: Member[] = [];
    let offset = 0;
    let directory = 0;
    let turnEnds = performance.now() + TURN_MS;
    for (const entry of archive.entries) {
      const member = memberOf(entry, names);
      members.push(member);
      directory += centralLength(member, offset);
      offset += aroundLength(member) + member.size;
      if (performance.now() < turnEnds) continue;
      await nextTurn();
      turnEnds = performance.now() + TURN_MS;
    }
    const end = endRecords(members.length, directory, offset).length;
    return new ZipStream(archive, members, offset + directory + end);
  }

  /**
   * A chunk is valid only until the next is asked for. Nothing is held but the name and two numbers of each member; the next file is opened while one is being sent.
   * Throws when a file cannot be read to its announced end; every file that was opened is closed, however it ends.
   */
  async *chunks(signal: AbortSignal): AsyncGenerator<Uint8Array, undefined> {
    const opening = new Opening(this.#archive, signal);
    const checkSums = new Uint32Array(this.#members.length);
    const offsets = new Float64Array(this.#members.length);
    let records: Buffer[] = [];
    let waiting = 0;
    let offset = 0;
    const add = (record: Buffer): void => {
      records.push(record);
      waiting += record.length;
      offset += record.length;
    };
    const take = (): Buffer => {
      const bytes = records.length === 1 && records[0] !== undefined ? records[0] : Buffer.concat(records);
      records = [];
      waiting = 0;
      return bytes;
    };
    try {
      for (const [index, member] of this.#members.entries()) {
        offsets[index] = offset;
        const body = await opening.next(index);
        add(localHeader(member));
        let crc = 0;
        if (body !== undefined) {
          yield take();
          for await (const chunk of exactly(body, member.size)) {
            crc = crc32(chunk, crc);
            yield chunk;
          }
          offset += member.size;
        }
        add(descriptor(member, crc));
        checkSums[index] = crc;
        if (waiting >= RECORD_BYTES) yield take();
      }
      const start = offset;
      for (const [index, member] of this.#members.entries()) {
        add(centralHeader(member, checkSums[index] ?? 0, offsets[index] ?? 0));
        if (waiting >= RECORD_BYTES) yield take();
      }
      add(endRecords(this.#members.length, offset - start, start));
      yield take();
      return undefined;
    } finally {
      await opening.close();
    }
  }
}

/** Opens files one ahead of the one that is read. */
class Opening {
  readonly #archive: Archive;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => void this.#closeCurrent().catch(() => {});
  #current: FileBody | undefined;
  #upcoming: { readonly index: number; readonly body: Promise<FileBody> } | undefined;

  constructor(archive: Archive, signal: AbortSignal) {
    this.#archive = archive;
    this.#signal = signal;
    // Reading that hangs is ended from outside when nobody waits for it any more.
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** The file with this place, and the one before is closed; undefined for what has no bytes. */
  async next(index: number): Promise<FileBody | undefined> {
    const entry = this.#archive.entries[index];
    if (entry === undefined || entry.size === 0) return undefined;
    this.#signal.throwIfAborted();
    await this.#closeCurrent();
    const ahead = this.#upcoming?.index === index ? this.#upcoming.body : undefined;
    this.#upcoming = undefined;
    this.#current = await (ahead ?? this.#archive.open(entry, this.#signal));
    this.#openAhead(index + 1);
    return this.#current;
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    const upcoming = this.#upcoming;
    this.#upcoming = undefined;
    await this.#closeCurrent();
    const body = await upcoming?.body.catch(() => undefined);
    await body?.close();
  }

  #openAhead(from: number): void {
    const { entries } = this.#archive;
    for (let index = from; index < entries.length; index += 1) {
      const entry = entries[index];
      if (entry === undefined || entry.size === 0) continue;
      const body = this.#archive.open(entry, this.#signal);
      // A failure counts when the file is needed; until then it must not be an unhandled rejection.
      body.catch(() => {});
      this.#upcoming = { index, body };
      return;
    }
  }

  async #closeCurrent(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.close();
  }
}

async function* exactly({ chunks }: FileBody, size: number): AsyncGenerator<Uint8Array> {
  let left = size;
  for await (const chunk of chunks) {
    left -= chunk.byteLength;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) {
    throw new OsproxyError('Internal', 'A file of an archive does not have the length that was announced.');
  }
}

function memberOf(entry: ArchiveEntry, names: MemberNames): Member {
  const { kind, size, modifiedAt } = entry;
  const isFolder = kind === 'folder';
  return { path: names.pathOf(entry), isFolder, size: isFolder ? 0 : size, modifiedAt };
}
