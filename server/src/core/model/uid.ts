import { OsproxyError } from '../errors.ts';

/** A positive 63-bit number as a decimal string without leading zeros; the only name a business system keeps. */
export type Uid = string;

const MAX_UID = 9223372036854775807n;

export function isUid(text: string): boolean {
  return /^[1-9][0-9]{0,18}$/.test(text) && BigInt(text) <= MAX_UID;
}

/** Throws InvalidArgument naming `field` when the text is not a uid. */
export function parseUid(text: unknown, field = 'uid'): Uid {
  if (typeof text === 'string' && isUid(text)) return text;
  throw new OsproxyError(
    'InvalidArgument',
    `${field} must be a positive decimal number of at most 63 bits, without sign, fraction or leading zeros.`,
    { details: { field } },
  );
}
