import { isOsproxyError, OsproxyError } from './errors.ts';

/** Something that work needs is not there at the moment. What is said is fit for clients; the cause says what and why. */
export class Away extends OsproxyError {
  constructor(message: string, cause?: unknown) {
    super('Unavailable', message, { retryAfterSeconds: 5, cause });
  }
}

/** The Away that the error is, or that it was caused by. */
export function awayIn(error: unknown): Away | undefined {
  let looked = error;
  // A chain of causes is short; one that runs in a circle must not hold this up.
  for (let depth = 0; depth < 8 && isOsproxyError(looked); depth += 1) {
    if (looked instanceof Away) return looked;
    looked = looked.cause;
  }
  return undefined;
}
