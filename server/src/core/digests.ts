import { OsproxyError } from './errors.ts';

const HEX_LENGTH = { md5: 32, sha1: 40, sha256: 64 } as const;

/** Lower-case hex of a declared digest; throws InvalidArgument when it is not one. */
export function parseHexDigest(
  text: string,
  algorithm: keyof typeof HEX_LENGTH,
  field: string = algorithm,
): string {
  const length = HEX_LENGTH[algorithm];
  if (text.length === length && /^[0-9a-fA-F]+$/.test(text)) return text.toLowerCase();
  throw new OsproxyError('InvalidArgument', `${field} must be ${length} hexadecimal digits.`, {
    details: { field },
  });
}
