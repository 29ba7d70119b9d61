import type { Group } from './group.ts';

export const ROLES = ['admin', 'member'] as const;
/** admin: may do what a service with the scope "admin" may, but sees no other person's files. */
export type Role = (typeof ROLES)[number];

export const USER_STATES = ['active', 'disabled'] as const;
export type UserState = (typeof USER_STATES)[number];

/** Somebody with an account; the password is kept apart and never leaves the core. */
export interface User {
  /** Decimal, as IdSource makes it. */
  readonly id: string;
  /** What is typed to sign in; unique by `nameKeyOf`. */
  readonly name: string;
  /** Unique by `emailKeyOf`. */
  readonly email: string | undefined;
  /** When the owner of the address showed to have it; only then may anything rest on the address. */
  readonly emailVerifiedAt: number | undefined;
  readonly displayName: string;
  readonly role: Role;
  readonly state: UserState;
  readonly groupId: string | undefined;
  /** Bytes; undefined: what the group or the installation says. */
  readonly quotaBytes: number | undefined;
  /** Access tokens of an earlier epoch are void. */
  readonly authEpoch: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lastSignInAt: number | undefined;
}

/** What is said of the room and the store of a person, by the person's own record and by the group. */
export interface UserAllowance {
  /** Bytes; undefined: what the group or the installation says. */
  readonly quotaBytes: number | undefined;
  readonly group: Pick<Group, 'name' | 'quotaBytes' | 'store'> | undefined;
}

/** Two login names are the same when this is the same. */
export function nameKeyOf(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC');
}

/** Two e-mail addresses are the same when this is the same. */
export function emailKeyOf(email: string): string {
  return email.normalize('NFC').toLowerCase().normalize('NFC');
}
