import { constants } from 'node:fs';
import type { SourceReader } from '../source-reader.ts';
import { folderMissing, systemCode, translate } from './errors.ts';
import { closeFile, openFile, syncFile, writeFully } from './system-calls.ts';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** Content up to this size that arrives in one chunk is written and made durable by one system call. */
const ONE_CALL_BYTES = 1024 * 1024;

/** After so many bytes the disk starts on what is written, so that little is left for the last fsync. */
const WRITE_BACK_BYTES = 16 * 1024 * 1024;

/**
 * Writes the whole source into a new file and resolves when the bytes are durable. Every chunk is written before the next is asked for.
 * The file stays for the caller to rename or to remove; its handle is closed whatever happens, after a success once `closed` resolves.
 */
export async function writeObject(
  path: string,
  reader: SourceReader,
): Promise<{ readonly closed: Promise<void> }> {
  const first = await reader.next();
  const inOneCall = first !== undefined && first.length === reader.declared && first.length <= ONE_CALL_BYTES;
  const fd = await openFile(path, inOneCall ? NEW_FILE | constants.O_DSYNC : NEW_FILE).catch(rethrowMaking);
  const writeBack = new WriteBack(fd);
  try {
    for (let chunk = first; chunk !== undefined; chunk = await reader.next()) {
      await writeFully(fd, chunk, reader.received - chunk.length).catch(rethrow);
      writeBack.wrote(chunk.length);
    }
    if (!inOneCall) await writeBack.finish().catch(rethrow);
  } catch (error) {
    await writeBack.settle();
    await closeFile(fd).catch(() => undefined);
    throw error;
  }
  // The bytes are durable: whether the handle closes well changes nothing about them.
  return { closed: closeFile(fd).catch(() => undefined) };
}

/** One fsync at a time beside the writes; an error of any of them counts, because the system reports it only once. */
class WriteBack {
  readonly #fd: number;
  #pending = 0;
  #running: Promise<void> | undefined;
  #failure: unknown;

  constructor(fd: number) {
    this.#fd = fd;
  }

  wrote(bytes: number): void {
    this.#pending += bytes;
    if (this.#pending < WRITE_BACK_BYTES || this.#running !== undefined) return;
    this.#pending = 0;
    this.#running = syncFile(this.#fd)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async settle(): Promise<void> {
    await this.#running;
  }

  async finish(): Promise<void> {
    await this.settle();
    if (this.#failure !== undefined) throw this.#failure;
    await syncFile(this.#fd);
  }
}

function rethrowMaking(error: unknown): never {
  throw systemCode(error) === 'ENOENT' ? folderMissing(error) : translate(error);
}

function rethrow(error: unknown): never {
  throw translate(error);
}
