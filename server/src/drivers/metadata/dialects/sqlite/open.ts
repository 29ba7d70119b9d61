import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OsproxyError } from '#core/errors.ts';
import { makeFolder } from '#core/make-folder.ts';
import { whenFree } from './busy.ts';
import { SqliteConnection } from './connection.ts';

const OPEN_MS = 10_000;
const CACHE_KIB = 65_536;

export interface OpenDatabase {
  readonly writer: SqliteConnection;
  readonly reader: SqliteConnection;
  /** The -wal file, kept open as long as the connections. */
  readonly log: FileHandle;
}

/** Opens the file, made with mode 0600 where there is none, in WAL mode with its two connections. */
export async function openDatabase(path: string): Promise<OpenDatabase> {
  await createPrivately(path);
  const opened: (SqliteConnection | FileHandle)[] = [];
  try {
    const writer = await whenFree(
      () => new SqliteConnection(path, { readOnly: false, cacheKiB: CACHE_KIB }),
      OPEN_MS,
    );
    opened.push(writer);
    await whenFree(() => {
      writer.script('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0');
      // The first look into the database is what makes the -wal file.
      writer.execute('select count(*) from sqlite_master', []);
    }, OPEN_MS);
    const log = await open(`${path}-wal`, 'r+');
    opened.push(log);
    await syncFolder(dirname(path));
    const reader = await whenFree(
      () => new SqliteConnection(path, { readOnly: true, cacheKiB: CACHE_KIB }),
      OPEN_MS,
    );
    return { writer, reader, log };
  } catch (error) {
    for (const thing of opened.reverse()) await thing.close();
    throw isSystemError(error) ? unusable(path, error) : error;
  }
}

/**
 * Makes the file first, for its mode. Only ever with O_EXCL: closing a descriptor of a database file that is open elsewhere in this
 * process would drop SQLite's locks on it.
 */
async function createPrivately(path: string): Promise<void> {
  try {
    makeFolder(dirname(path));
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    if (isSystemError(error) && error.code === 'EEXIST') return;
    throw unusable(path, error);
  }
}

/** Makes the new files' names durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unusable(path: string, cause: unknown): OsproxyError {
  return new OsproxyError(
    'PermissionDenied',
    `The database "${path}" cannot be opened; check path and rights.`,
    {
      cause,
    },
  );
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
