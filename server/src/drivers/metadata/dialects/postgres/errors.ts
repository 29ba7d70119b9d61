import { DatabaseError as ServerError } from 'pg';
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
const INVALID: Meaning = [
  'refused',
  'InvalidArgument',
  'A value is too long or has characters that cannot be recorded.',
];

const MEANINGS: Readonly<Record<string, Meaning>> = {
  // serialization_failure, deadlock_detected, lock_not_available
  '40001': CONFLICT,
  '40P01': CONFLICT,
  '55P03': CONFLICT,
  '23505': ['refused', 'AlreadyExists', 'This exists already.'],
  // string_data_right_truncation, character_not_in_repertoire, untranslatable_character
  '22001': INVALID,
  '22021': INVALID,
  '22P05': INVALID,
  // read_only_sql_transaction: the server became a standby
  '25006': AWAY,
  // Plans and names of an earlier schema or server: a new connection knows neither.
  '0A000': AWAY,
  '26000': AWAY,
  '53100': ['refused', 'QuotaExceeded', 'The disk of the database is full; free some space.'],
  '53200': ['refused', 'Unavailable', 'The database has no memory left; try again.'],
  '57014': ['refused', 'Unavailable', 'The database took too long to answer; try again.'],
};

/** What went wrong with a statement. Anything that the server did not say itself leaves the connection in doubt, so it counts as lost. */
export function translate(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  if (error instanceof TypeError) {
    return new DatabaseError('refused', 'Internal', 'A query could not be sent.', { cause: error });
  }
  if (!(error instanceof ServerError) || error.severity === 'FATAL' || error.severity === 'PANIC') {
    return lostConnection(error);
  }
  const code = error.code ?? '';
  const [trouble, kind, message] = MEANINGS[code] ?? classOf(code);
  return new DatabaseError(trouble, kind, message, { cause: error });
}

function classOf(code: string): Meaning {
  // 08: connection exceptions, 57P: the operator ends something.
  if (code.startsWith('08') || code.startsWith('57P')) return AWAY;
  return ['refused', 'Internal', 'The database refused a query.'];
}

/** Why no connection came about, for the person who configures it; never with the password. */
export function translateConnect(
  error: unknown,
  { host, port, user, database, setting }: ServerAddress,
): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const at = `The PostgreSQL server at ${host}:${port}`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const told = error instanceof Error && error.message !== '' ? error.message : code;
  const why: Readonly<Record<string, string>> = {
    '28P01': `${at} refuses the password of user "${user}"; check ${setting}.`,
    '28000': `${at} does not let user "${user}" in; check ${setting} and the server's pg_hba.conf.`,
    '3D000': `${at} has no database "${database}"; create it (create database "${database}" encoding 'UTF8') or correct ${setting}.`,
    '42501': `${at} does not let user "${user}" into the database "${database}"; grant CONNECT on it.`,
    '53300': `${at} has no free connection; raise its max_connections or lower database.poolSize.`,
    '57P03': `${at} is starting up or shutting down; try again.`,
  };
  const sentence =
    why[code] ??
    `${at} cannot be reached (${code === '' ? told : code}); check ${setting} and whether the server runs.`;
  return new DatabaseError('lost', 'Unavailable', sentence, { cause: error });
}
