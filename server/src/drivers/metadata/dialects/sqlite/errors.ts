import { type ErrorCode, OsproxyError } from '#core/errors.ts';

const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const CONSTRAINT = 19;
const NOTADB = 26;
const CONSTRAINT_PRIMARYKEY = 1555;
const CONSTRAINT_UNIQUE = 2067;
const CONSTRAINT_ROWID = 2579;

const MEANINGS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  [BUSY]: ['Unavailable', 'The database is busy; try again.'],
  [LOCKED]: ['Unavailable', 'The database is busy; try again.'],
  [READONLY]: [
    'PermissionDenied',
    'The database cannot be written; check the rights of its file and folder.',
  ],
  [IOERR]: ['Internal', 'The disk of the database failed to read or write; check the disk, then restart.'],
  [CORRUPT]: ['Internal', 'The database file is damaged; restore it from a backup.'],
  [FULL]: ['QuotaExceeded', 'The disk of the database is full; free some space.'],
  [CANTOPEN]: ['PermissionDenied', 'The database file cannot be opened; check its path and rights.'],
  [NOTADB]: ['Internal', 'The database file is not an SQLite database; check the configured path.'],
};

/** What SQLite says is wrong, as node:sqlite throws it; undefined for other errors. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}

/** True when another connection holds the lock that was asked for. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error instanceof OsproxyError ? error.cause : error);
  return code !== undefined && ((code & 0xff) === BUSY || (code & 0xff) === LOCKED);
}

export function translate(error: unknown): OsproxyError {
  if (error instanceof OsproxyError) return error;
  const code = resultCode(error);
  if (code === CONSTRAINT_UNIQUE || code === CONSTRAINT_PRIMARYKEY || code === CONSTRAINT_ROWID) {
    return new OsproxyError('AlreadyExists', 'This exists already.', { cause: error });
  }
  const meaning = code === undefined || (code & 0xff) === CONSTRAINT ? undefined : MEANINGS[code & 0xff];
  if (meaning === undefined) {
    return new OsproxyError('Internal', 'The database refused a query.', { cause: error });
  }
  return new OsproxyError(meaning[0], meaning[1], { cause: error });
}
