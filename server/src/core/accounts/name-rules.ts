import { OsproxyError } from '../errors.ts';
import { emailKeyOf, nameKeyOf } from '../model/user.ts';

const NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]{0,63}$/u;
const EMAIL = /^[^\s@"(),:;<>[\\\]\p{Cc}]{1,64}@[\p{L}\p{N}](?:[\p{L}\p{N}.-]{0,252}[\p{L}\p{N}])?$/u;
/** Some characters become several where names are compared. */
const MOST_KEY = 128;
const MOST_EMAIL = 254;
const MOST_DISPLAY = 128;

function bad(field: string, message: string): OsproxyError {
  return new OsproxyError('InvalidArgument', message, { details: { field } });
}

/** The login name as it is kept. It never looks like an e-mail address. Throws InvalidArgument. */
export function checkedName(name: string): string {
  const kept = name.normalize('NFC').trim();
  if (NAME.test(kept) && nameKeyOf(kept).length <= MOST_KEY) return kept;
  throw bad(
    'name',
    'A name must have 1 to 64 letters, digits, dots, dashes or underscores and begin with a letter or digit.',
  );
}

/** The e-mail address as it is kept. Throws InvalidArgument. */
export function checkedEmail(email: string): string {
  const kept = email.normalize('NFC').trim();
  if (emailKeyOf(kept).length <= MOST_EMAIL && EMAIL.test(kept) && !kept.includes('..')) return kept;
  throw bad('email', 'This is not an e-mail address such as anna@example.com.');
}

/** What others see of somebody. Throws InvalidArgument. */
export function checkedDisplayName(text: string): string {
  const kept = text.normalize('NFC').trim();
  if (
    kept !== '' &&
    [...kept].length <= MOST_DISPLAY &&
    !/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(kept)
  ) {
    return kept;
  }
  throw bad(
    'displayName',
    `A display name must have 1 to ${MOST_DISPLAY} characters and no control characters.`,
  );
}
