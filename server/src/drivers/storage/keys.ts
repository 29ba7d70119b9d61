import { OsproxyError } from '#core/errors.ts';

const KEY = /^[a-z0-9_-]+(?:\/[a-z0-9_-]+)*$/;
const PREFIX = /^(?:[a-z0-9_-]+\/)*[a-z0-9_-]*$/;
const MAX_KEY_LENGTH = 200;

/** True for what the storage port calls a key. */
export function isKey(key: string): boolean {
  return key.length <= MAX_KEY_LENGTH && KEY.test(key);
}

/** Throws InvalidArgument for anything that is not a key; a key that passes is a safe relative path. */
export function assertKey(key: string): void {
  if (isKey(key)) return;
  throw new OsproxyError(
    'InvalidArgument',
    'A storage key must have 1 to 200 characters of a-z, 0-9, "/", "_" and "-" and no empty segment.',
  );
}

/** True when some key can start like this; a prefix that passes is a safe relative path plus the start of a name. */
export function isKeyPrefix(prefix: string): boolean {
  return prefix.length <= MAX_KEY_LENGTH && PREFIX.test(prefix);
}
