import { accessSync, constants, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import { OsproxyError } from '#core/errors.ts';
import { makeFolder } from '#core/make-folder.ts';

export interface LogFileOptions {
  /** Absolute path. */
  readonly path: string;
  readonly maxSizeMiB: number;
  /** Hours, counted from midnight. */
  readonly rotateHours: 1 | 2 | 3 | 4 | 6 | 8 | 12 | 24;
  /** Rotated files that are kept. */
  readonly keep: number;
  readonly compress: boolean;
}

const MOST_BUFFERED_BYTES = 16 * 1024 * 1024;
const REOPEN_AFTER_MS = 30_000;
const END_WITHIN_MS = 5_000;

/** Makes the folder and proves that the file can be written; throws InvalidArgument that names the path and the reason. */
function assertWritable(path: string): void {
  try {
    makeFolder(dirname(path));
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isFile()) throw Object.assign(new Error(), { code: 'it is not a file' });
    accessSync(dirname(path), constants.W_OK);
    if (stat !== undefined) accessSync(path, constants.W_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new OsproxyError(
      'InvalidArgument',
      `The log file ${path} (setting log.file.path, OSPROXY_LOG_FILE_PATH) cannot be written: ${reasonOf(code)}.`,
      { cause: error },
    );
  }
}

function reasonOf(code: string): string {
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EROFS') return 'it is on a read-only file system';
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'a part of its path is not a folder';
  if (code === 'ENOENT') return 'its folder cannot be made there';
  return code;
}

/**
 * Appends lines to a file that is rotated by size and age: a rotated file is called YYYYMMDD-hhmm-nn-<name>, with .gz when compressed. A failing disk never throws and never stops the caller: it is told once
 * through `warn`, lines are lost until the file works again, and a new attempt is made every 30 seconds.
 */
export class LogFile {
  readonly #options: LogFileOptions;
  readonly #warn: (sentence: string) => void;
  #stream: RotatingFileStream | undefined;
  #failedAt = 0;
  #warned = false;

  constructor(options: LogFileOptions, warn: (sentence: string) => void) {
    assertWritable(options.path);
    this.#options = options;
    this.#warn = warn;
    this.#stream = this.#open();
  }

  write(line: string): void {
    if (this.#stream === undefined) {
      if (Date.now() - this.#failedAt < REOPEN_AFTER_MS) return;
      this.#stream = this.#open();
    }
    if (this.#stream.writableLength > MOST_BUFFERED_BYTES) {
      this.#tell('the disk is too slow for it');
      return;
    }
    this.#stream.write(line);
  }

  /** Resolves when everything written is in the file, or after 5 seconds. */
  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#failedAt = Number.POSITIVE_INFINITY;
    if (stream === undefined || stream.destroyed) return;
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(resolve, END_WITHIN_MS);
      const done = () => {
        clearTimeout(giveUp);
        resolve();
      };
      stream.once('error', done);
      stream.end(done);
    });
  }

  #open(): RotatingFileStream {
    const { path, maxSizeMiB, rotateHours, keep, compress } = this.#options;
    const stream = createStream(basename(path), {
      path: dirname(path),
      size: `${maxSizeMiB}M`,
      interval: `${rotateHours}h`,
      intervalBoundary: true,
      initialRotation: true,
      maxFiles: keep,
      history: `.${basename(path)}.rotated`,
      ...(compress ? { compress: 'gzip' as const } : {}),
    });
    stream.on('error', (error) => this.#failed(stream, error));
    stream.on('warning', (error) => this.#tell(error.message));
    return stream;
  }

  #failed(stream: RotatingFileStream, error: Error): void {
    this.#tell(error.message);
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.#failedAt = Date.now();
    stream.destroy();
  }

  #tell(reason: string): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#warn(
      `The log file ${this.#options.path} cannot be written (${reason}); lines are missing from it until it can.`,
    );
  }
}
