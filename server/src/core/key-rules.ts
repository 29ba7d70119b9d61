import { OsproxyError } from './errors.ts';
import { SCOPES, type Scope } from './model/principal.ts';
import { checkName } from './names.ts';

export const DEFAULT_OWNER = 'default';

/** Characters, so that it fits every database. */
export const MOST_PREFIX = 255;

export interface NewServiceKey {
  /** 1 to 100 characters, for people. */
  readonly name: string;
  /** Whose files the key sees: 1 to 64 of [a-zA-Z0-9._-]. */
  readonly owner: string;
  readonly scopes: readonly Scope[];
  /** Milliseconds since the epoch; never expires when left out. */
  readonly expiresAt?: number | undefined;
  /** A configured store that everything it sends goes to. */
  readonly store?: string | undefined;
  /** The only names it sees and makes begin so, character by character. */
  readonly namePrefix?: string | undefined;
}

/** Throws InvalidArgument. */
export function checkNewKey(
  wanted: NewServiceKey,
  { now, stores }: { readonly now: number; readonly stores: readonly string[] },
): void {
  if (wanted.name.length < 1 || wanted.name.length > 100) {
    throw bad('name', 'The name of a key must have 1 to 100 characters.');
  }
  checkName(wanted.name);
  if (!/^[a-zA-Z0-9._-]{1,64}$/.test(wanted.owner)) {
    throw bad('owner', 'The owner of a key must have 1 to 64 characters of a-z, A-Z, 0-9, ".", "_" and "-".');
  }
  if (wanted.scopes.length === 0 || wanted.scopes.some((scope) => !SCOPES.includes(scope))) {
    throw bad('scopes', `A key needs at least one scope of: ${SCOPES.join(', ')}.`);
  }
  if (wanted.expiresAt !== undefined && !(wanted.expiresAt > now)) {
    throw bad('expiresAt', 'The expiry of a key must be in the future.');
  }
  checkLimits(wanted, stores);
}

function checkLimits({ scopes, store, namePrefix }: NewServiceKey, stores: readonly string[]): void {
  if (store !== undefined && !stores.includes(store)) {
    throw bad('store', `There is no store "${store}"; there are ${stores.join(', ')}.`);
  }
  if (namePrefix !== undefined) {
    checkName(namePrefix, 'namePrefix');
    if ([...namePrefix].length > MOST_PREFIX) {
      throw bad('namePrefix', `The prefix of a key may have at most ${MOST_PREFIX} characters.`);
    }
  }
  if (scopes.includes('admin') && (store !== undefined || namePrefix !== undefined)) {
    throw bad(
      store === undefined ? 'namePrefix' : 'store',
      'A key with the scope "admin" may do everything, so it cannot be limited to a store or to names.',
    );
  }
}

export function scopesInOrder(scopes: readonly Scope[]): readonly Scope[] {
  return SCOPES.filter((scope) => scopes.includes(scope));
}

function bad(field: string, message: string): OsproxyError {
  return new OsproxyError('InvalidArgument', message, { details: { field } });
}
