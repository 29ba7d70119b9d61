import { dirname, join, resolve } from 'node:path';
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
import { ReadBuffers } from '../../read-buffers/read-buffers.ts';
import { throwIfCancelled } from '../abort.ts';
import { assertKey } from '../keys.ts';
import { resolveRange } from '../ranges.ts';
import { SourceReader } from '../source-reader.ts';
import {
  folderMissing,
  notFound,
  systemCode,
  translate,
  translateLookup,
  translateNaming,
} from './errors.ts';
import { Folders, makeFolderTree } from './folders.ts';
import { listObjects } from './list-objects.ts';
import { cutShort, ObjectReader } from './object-reader.ts';
import { SmallReads } from './small-reads.ts';
import {
  closeFile,
  openFile,
  readFully,
  renamePath,
  statFile,
  statPath,
  unlinkPath,
} from './system-calls.ts';
import { TempFiles } from './temp-files.ts';
import { writeObject } from './write-object.ts';

/** A range up to this size is read when it is opened, so that no handle stays open for it. */
const READ_AT_ONCE_BYTES = 64 * 1024;

export interface LocalDiskOptions {
  /** The folder everything lives in; made when missing. */
  readonly path: string;
  /** False when every node sees the same folder. Default true. */
  readonly nodeLocal?: boolean;
  /** Bytes that all readers together may read ahead of their consumers. Default 64 MiB. */
  readonly readAheadBytes?: number;
}

/** Keeps objects as files: objects/<key>, and tmp/ for puts under way. */
export class LocalDiskDriver implements StorageDriver {
  readonly nodeLocal: boolean;
  readonly #objects: string;
  readonly #temps: TempFiles;
  readonly #folders: Folders;
  readonly #buffers: ReadBuffers;
  readonly #small = new SmallReads(READ_AT_ONCE_BYTES);

  private constructor(root: string, options: LocalDiskOptions) {
    this.nodeLocal = options.nodeLocal ?? true;
    this.#objects = join(root, 'objects');
    this.#temps = new TempFiles(join(root, 'tmp'));
    this.#folders = new Folders(this.#objects);
    this.#buffers = new ReadBuffers({ budgetBytes: options.readAheadBytes ?? 64 * 1024 * 1024 });
  }

  /** Makes the folders that are missing; rejects with PermissionDenied or QuotaExceeded where that fails. */
  static async start(options: LocalDiskOptions): Promise<LocalDiskDriver> {
    const root = resolve(options.path);
    await makeFolderTree(join(root, 'objects'));
    await makeFolderTree(join(root, 'tmp'));
    return new LocalDiskDriver(root, options);
  }

  async put(key: string, source: ByteSource, options: PutOptions = {}): Promise<{ readonly size: number }> {
    const { signal } = options;
    throwIfCancelled(signal);
    assertKey(key);
    const target = join(this.#objects, key);
    const folder = dirname(target);
    const ready = this.#folders.ensure(folder);
    ready.catch(() => undefined);
    const temp = this.#temps.claim();
    const reader = new SourceReader(source, signal);
    let closed: Promise<void> | undefined;
    try {
      closed = (await writeObject(temp, reader)).closed;
      await ready;
      throwIfCancelled(signal);
      await this.#name(temp, target, folder);
    } catch (error) {
      await Promise.all([closed, unlinkPath(temp).catch(() => undefined), reader.close()]);
      throw error;
    } finally {
      this.#temps.release(temp);
    }
    // Where this fails the object stays: it is whole, nobody was promised it, and under its name may be what an earlier put promised.
    await Promise.all([closed, this.#folders.sync(folder)]);
    return { size: reader.received };
  }

  async open(key: string, range?: ByteRange, options: CallOptions = {}): Promise<StoredObject> {
    const { signal } = options;
    throwIfCancelled(signal);
    assertKey(key);
    const fd = await openFile(join(this.#objects, key), 'r').catch((error) => this.#rethrowLookup(error));
    let handedOver = false;
    try {
      const whole = range === undefined ? await this.#small.read(fd) : undefined;
      throwIfCancelled(signal);
      if (whole !== undefined) return inMemory(whole, whole.length, signal);
      const stats = await statFile(fd).catch(rethrow);
      if (!stats.isFile()) throw notFound();
      throwIfCancelled(signal);
      const { offset, length } = resolveRange(range, stats.size);
      if (length <= READ_AT_ONCE_BYTES) return await readAtOnce(fd, stats.size, { offset, length }, signal);
      handedOver = true;
      return new ObjectReader(fd, stats.size, { offset, length }, this.#buffers, signal);
    } finally {
      // Nobody waits for it: what was read stays right whenever the handle is closed.
      if (!handedOver) closeFile(fd).catch(() => undefined);
    }
  }

  async stat(key: string, options: CallOptions = {}): Promise<ObjectStat> {
    throwIfCancelled(options.signal);
    assertKey(key);
    const stats = await statPath(join(this.#objects, key)).catch((error) => this.#rethrowLookup(error));
    throwIfCancelled(options.signal);
    if (!stats.isFile()) throw notFound();
    return { size: stats.size, modifiedAt: stats.mtime };
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    throwIfCancelled(options.signal);
    assertKey(key);
    try {
      await unlinkPath(join(this.#objects, key));
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EISDIR') throw translate(error);
      await this.#requireFolder();
    }
  }

  list(prefix = '', options: CallOptions = {}): AsyncIterable<ListedObject> {
    return listObjects(this.#objects, prefix, options.signal);
  }

  async sweep(olderThan: Date, options: CallOptions = {}): Promise<number> {
    return this.#temps.sweep(olderThan, options.signal);
  }

  async close(): Promise<void> {
    this.#buffers.clear();
  }

  async #rethrowLookup(error: unknown): Promise<never> {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') await this.#requireFolder();
    throw translateLookup(error);
  }

  /** An object that is not found is absent only where the store itself is there: its disk may have been unmounted. */
  async #requireFolder(): Promise<void> {
    try {
      await statPath(this.#objects);
    } catch (error) {
      const code = systemCode(error);
      throw code === 'ENOENT' || code === 'ENOTDIR' ? folderMissing(error) : translate(error);
    }
  }

  /** A folder that was removed from outside is made again, once. */
  async #name(temp: string, target: string, folder: string): Promise<void> {
    try {
      await renamePath(temp, target);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw translateNaming(error);
      this.#folders.forget(folder);
      await this.#folders.ensure(folder);
      await renamePath(temp, target).catch((again: unknown) => {
        throw translateNaming(again);
      });
    }
  }
}

async function readAtOnce(
  fd: number,
  size: number,
  range: ByteRange,
  signal: AbortSignal | undefined,
): Promise<StoredObject> {
  const bytes = Buffer.allocUnsafeSlow(range.length);
  const got = await readFully(fd, bytes, range.offset).catch(rethrow);
  if (got < range.length) throw cutShort(size, range.offset + got);
  throwIfCancelled(signal);
  return inMemory(bytes, size, signal);
}

function inMemory(bytes: Uint8Array, size: number, signal: AbortSignal | undefined): StoredObject {
  return { size, bytes, chunks: oneChunk(bytes, signal), close: async () => {} };
}

async function* oneChunk(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  throwIfCancelled(signal);
  if (bytes.length > 0) yield bytes;
}

function rethrow(error: unknown): never {
  throw translate(error);
}
