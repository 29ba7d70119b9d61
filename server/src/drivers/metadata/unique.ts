import { isOsproxyError, OsproxyError } from '#core/errors.ts';

/** Waits for an insert and gives a broken uniqueness promise the message that names it. */
export async function unique<T>(insert: Promise<T>, taken: () => string): Promise<T> {
  try {
    return await insert;
  } catch (error) {
    if (!isOsproxyError(error, 'AlreadyExists')) throw error;
    throw new OsproxyError('AlreadyExists', taken(), { cause: error });
  }
}
