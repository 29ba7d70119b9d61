import { type ErrorCode, type ErrorOptions, OsproxyError } from '#core/errors.ts';

/**
 * What a database server's refusal means for the transaction it came in. `conflict`: rolled back or to be rolled back because of others, and worth running
 * again. `lost`: the connection is gone. `refused`: anything else that the statement itself is to blame for.
 */
export type Trouble = 'conflict' | 'lost' | 'refused';

/** A database server's error with what it means for its transaction. */
export class DatabaseError extends OsproxyError {
  readonly trouble: Trouble;

  constructor(trouble: Trouble, code: ErrorCode, message: string, options: ErrorOptions) {
    super(code, message, options);
    this.trouble = trouble;
  }
}

export function lostConnection(cause: unknown): DatabaseError {
  return new DatabaseError('lost', 'Unavailable', 'The connection to the database was lost; try again.', {
    cause,
  });
}

export function troubleOf(error: unknown): Trouble | undefined {
  return error instanceof DatabaseError ? error.trouble : undefined;
}

/** For a commit that was sent and never answered: nobody may take it for done, nor for undone. */
export function unknownOutcome(cause: unknown): OsproxyError {
  return new OsproxyError(
    'Unavailable',
    'The connection to the database was lost at the last moment; it is unknown whether the change was made. Look before trying again.',
    { cause },
  );
}

export function tooManyConflicts(cause: unknown): OsproxyError {
  return new OsproxyError('Unavailable', 'Others kept changing the same records; try again.', { cause });
}
