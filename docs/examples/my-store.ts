/**
 * A store of your own: every object is one file of a single folder. Copy it next to your configuration, change it, and name it there:
 *
 *   stores:
 *     - name: mine
 *       type: ./my-store.ts
 *       folder: /srv/objects
 *
 * Types are erased when the module is loaded, so it needs no package. An error says what it means by its `code`, such as NotFound or
 * Unavailable. Keys, sources and signals are checked before a call arrives here.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteRange, ByteSource, StorageDriver } from '../../server/src/core/ports/storage-driver.ts';
import type { StorageDriverType } from '../../server/src/drivers/storage/storage-driver-type.ts';

const CHUNK_BYTES = 256 * 1024;

const myStore: StorageDriverType = {
  /** JSON schema of the settings beside `name` and `type`; `secret: true` hides a value wherever settings are shown. */
  settings: {
    type: 'object',
    properties: {
      folder: { type: 'string', minLength: 1, description: 'The folder that holds the objects.' },
    },
    required: ['folder'],
    additionalProperties: false,
  },
  async create(settings, { logger }) {
    const { folder } = settings as { readonly folder: string };
    await mkdir(folder, { recursive: true });
    logger.info({ folder }, 'my store is open');
    return new MyStore(folder);
  },
};

export default myStore;

class MyStore implements StorageDriver {
  /** Only this machine sees the folder. Set it to false for a folder that every node mounts. */
  readonly nodeLocal = true;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Everything or nothing: a temporary file that is renamed when it is whole and on the disk. */
  async put(key: string, source: ByteSource): Promise<{ readonly size: number }> {
    const temporary = join(this.#folder, `~${randomUUID()}`);
    const file = await open(temporary, 'wx').catch(translate);
    let size = 0;
    try {
      for await (const chunk of source.open()) {
        await file.appendFile(chunk);
        size += chunk.byteLength;
      }
      await file.sync();
      await file.close();
      await rename(temporary, this.#pathOf(key));
      await this.#syncFolder();
    } catch (error) {
      await file.close().catch(() => {});
      await rm(temporary, { force: true });
      return translate(error);
    }
    return { size };
  }

  async open(key: string, range?: ByteRange) {
    const file = await open(this.#pathOf(key), 'r').catch(translate);
    try {
      const { size } = await file.stat();
      const { offset, length } = range ?? { offset: 0, length: size };
      const fits =
        Number.isInteger(offset) && Number.isInteger(length) && offset >= 0 && offset + length <= size;
      if (!fits || (range !== undefined && length <= 0)) {
        throw failure('RangeNotSatisfiable', 'The range lies outside of the object.');
      }
      const opened = new OpenFile(file, size, { offset, length });
      if (length === 0) await opened.close();
      return opened;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async stat(key: string) {
    const { size, mtime } = await stat(this.#pathOf(key)).catch(translate);
    return { size, modifiedAt: mtime };
  }

  async delete(key: string): Promise<void> {
    await rm(this.#pathOf(key), { force: true }).catch(translate);
  }

  async *list(prefix = '') {
    for (const name of await readdir(this.#folder).catch(translate)) {
      const key = name.replaceAll('.', '/');
      if (name.startsWith('~') || !key.startsWith(prefix)) continue;
      const found = await stat(join(this.#folder, name)).catch(() => undefined);
      if (found !== undefined) yield { key, size: found.size, modifiedAt: found.mtime };
    }
  }

  /** What puts left behind whose process ended in their middle. */
  async sweep(olderThan: Date): Promise<number> {
    let swept = 0;
    for (const name of await readdir(this.#folder).catch(translate)) {
      const path = join(this.#folder, name);
      const found = name.startsWith('~') ? await stat(path).catch(() => undefined) : undefined;
      if (found === undefined || found.mtime >= olderThan || this.#isYoung(found.mtime)) continue;
      await rm(path, { force: true });
      swept += 1;
    }
    return swept;
  }

  async close(): Promise<void> {}

  /** A put under way writes all the time; one that was silent for a day is dead. */
  #isYoung(modifiedAt: Date): boolean {
    return Date.now() - modifiedAt.getTime() < 24 * 3_600_000;
  }

  /** Keys have no dots, so a dot can stand for the slash. */
  #pathOf(key: string): string {
    return join(this.#folder, key.replaceAll('/', '.'));
  }

  async #syncFolder(): Promise<void> {
    const folder = await open(this.#folder, 'r');
    await folder.sync().finally(() => folder.close());
  }
}

class OpenFile {
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly #file: FileHandle;
  #closed = false;

  constructor(file: FileHandle, size: number, range: ByteRange) {
    this.#file = file;
    this.size = size;
    this.chunks = this.#read(range);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }

  /** Exactly the bytes of the range, or an error: it never ends early. */
  async *#read({ offset, length }: ByteRange): AsyncGenerator<Uint8Array> {
    try {
      for (let done = 0; done < length; ) {
        if (this.#closed) throw failure('Cancelled', 'The object was closed while it was read.');
        const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, length - done));
        const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, offset + done);
        if (bytesRead === 0) throw failure('Internal', 'The object ended before its size.');
        done += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await this.close();
    }
  }
}

function failure(code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code });
}

/** What the system says in the words that callers act on; anything else counts as an internal failure. */
function translate(error: unknown): never {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      throw failure('NotFound', 'The store holds no such object.', error);
    case 'ENOSPC':
    case 'EDQUOT':
      throw failure('QuotaExceeded', 'The store is full.', error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      throw failure('PermissionDenied', 'The store may not be used.', error);
    default:
      throw error;
  }
}
