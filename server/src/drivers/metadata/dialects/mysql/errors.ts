import type { ErrorCode } from '#core/errors.ts';
import type { ServerAddress } from '../server/address.ts';
import { DatabaseError, lostConnection, type Trouble } from '../server/trouble.ts';

type Meaning = readonly [Trouble, ErrorCode, string];

const CONFLICT: Meaning = [
  'conflict',
  'Unavailable',
  'Others changed the same records at the same moment; try again.',
];
const AWAY: Meaning = ['lost', 'Unavailable', 'The database takes no changes at the moment; try again.'];
const EXISTS: Meaning = ['refused', 'AlreadyExists', 'This exists already.'];
const FULL: Meaning = ['refused', 'QuotaExceeded', 'The disk of the database is full; free some space.'];
const INVALID: Meaning = [
  'refused',
  'InvalidArgument',
  'A value is too long or has characters that cannot be recorded.',
];
const LATE: Meaning = ['refused', 'Unavailable', 'The database took too long to answer; try again.'];

/** ER_CHECKREAD: the row is newer than the snapshot. */
const CHECKREAD = 1020;
const DEADLOCK = 1213;

const MEANINGS: Readonly<Record<number, Meaning>> = {
  [CHECKREAD]: CONFLICT,
  [DEADLOCK]: CONFLICT,
  // ER_LOCK_WAIT_TIMEOUT
  1205: CONFLICT,
  // ER_DUP_ENTRY, ER_DUP_ENTRY_WITH_KEY_NAME
  1062: EXISTS,
  1586: EXISTS,
  // ER_DISK_FULL, ER_RECORD_FILE_FULL
  1021: FULL,
  1114: FULL,
  // ER_DATA_TOO_LONG, ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, ER_INVALID_CHARACTER_STRING
  1406: INVALID,
  1366: INVALID,
  1300: INVALID,
  // ER_STATEMENT_TIMEOUT of MariaDB, ER_QUERY_TIMEOUT of MySQL, ER_QUERY_INTERRUPTED
  1969: LATE,
  3024: LATE,
  1317: LATE,
  // ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE: the server became a replica
  1290: AWAY,
  1792: AWAY,
  1836: AWAY,
  // ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED, ER_UNKNOWN_STMT_HANDLER, ER_NEED_REPREPARE
  1053: AWAY,
  1927: AWAY,
  1243: AWAY,
  1615: AWAY,
};

/** ER_TABLE_EXISTS_ERROR, ER_DUP_FIELDNAME, ER_DUP_KEYNAME: what a migration says that was cut off and runs again. */
const MADE_ALREADY: readonly number[] = [1050, 1060, 1061];

function numberOf(error: unknown): number | undefined {
  const cause = error instanceof DatabaseError ? error.cause : error;
  if (!(cause instanceof Error) || !('errno' in cause) || typeof cause.errno !== 'number') return undefined;
  return cause.errno >= 1000 ? cause.errno : undefined;
}

/** True when the server has undone the whole transaction, not only the statement. */
export function endsTransaction(error: DatabaseError): boolean {
  const number = numberOf(error);
  return number === DEADLOCK || number === CHECKREAD;
}

export function isMadeAlready(error: unknown): boolean {
  return MADE_ALREADY.includes(numberOf(error) ?? 0);
}

/** What went wrong with a statement. Anything that the server did not say itself leaves the connection in doubt, so it counts as lost. */
export function translate(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  if (error instanceof TypeError) {
    return new DatabaseError('refused', 'Internal', 'A query could not be sent.', { cause: error });
  }
  const number = numberOf(error);
  if (number === undefined) return lostConnection(error);
  const [trouble, code, message] = MEANINGS[number] ?? [
    'refused',
    'Internal',
    'The database refused a query.',
  ];
  return new DatabaseError(trouble, code, message, { cause: error });
}

/** Why no connection came about, for the person who configures it; never with the password. */
export function translateConnect(
  error: unknown,
  { host, port, user, database, setting }: ServerAddress,
): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const at = `The MySQL or MariaDB server at ${host}:${port}`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const told = error instanceof Error && error.message !== '' ? error.message : code;
  const why: Readonly<Record<number, string>> = {
    1045: `${at} refuses the user "${user}" with this password; check ${setting}.`,
    1698: `${at} does not let user "${user}" in with a password; check ${setting} and how the user signs in.`,
    1130: `${at} does not let this machine in; create the user for its address.`,
    1044: `${at} does not let user "${user}" into the database "${database}"; grant ALL on it.`,
    1049: `${at} has no database "${database}"; create it (create database \`${database}\`) or correct ${setting}.`,
    1040: `${at} has no free connection; raise its max_connections or lower database.poolSize.`,
  };
  const sentence =
    why[numberOf(error) ?? 0] ??
    `${at} cannot be reached (${code === '' ? told : code}); check ${setting} and whether the server runs.`;
  return new DatabaseError('lost', 'Unavailable', sentence, { cause: error });
}
