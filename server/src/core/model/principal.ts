import type { LinkScope } from './link.ts';
import { isUid, type Uid } from './uid.ts';
import type { Role } from './user.ts';

export const SCOPES = ['read', 'write', 'delete', 'links', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** A program with an API key; sees the files of its owner only, unless it has the admin scope. */
export interface ServicePrincipal {
  readonly kind: 'service';
  readonly keyId: string;
  /** What people call the key. */
  readonly name?: string | undefined;
  readonly owner: string;
  readonly scopes: ReadonlySet<Scope>;
  /** It sees and makes only files whose name begins so; never together with the scope "admin". */
  readonly namePrefix?: string | undefined;
  /** What it sends goes there, whatever the rules of placement say. */
  readonly store?: string | undefined;
  /** SHA-256 of the secret that was shown, where the key is stored. */
  readonly shown?: Buffer;
}

/** The bearer of a valid signed link; may do what the link says with one uid and nothing else. */
export interface LinkPrincipal {
  readonly kind: 'link';
  readonly linkId: string;
  readonly uid: Uid;
  readonly scope: LinkScope;
  readonly disposition: 'inline' | 'attachment';
}

/** Somebody with an account who is signed in; sees the own files only. */
export interface PersonPrincipal {
  readonly kind: 'person';
  readonly userId: string;
  readonly sessionId: string;
  readonly role: Role;
  /** As `ownerOfUser(userId)`. */
  readonly owner: string;
}

/** Another node of the cluster, for the request that it signed; may use the objects of node-local stores and nothing else. */
export interface PeerPrincipal {
  readonly kind: 'peer';
  readonly nodeId: string;
  /** Shows the asking node that the answer comes from one that knows the secret. */
  prove(answer: {
    readonly status: number;
    readonly code: string;
    readonly size: number | undefined;
  }): string;
}

/** Nobody in particular. */
export interface AnonymousPrincipal {
  readonly kind: 'anonymous';
}

export type Principal =
  | ServicePrincipal
  | PersonPrincipal
  | LinkPrincipal
  | PeerPrincipal
  | AnonymousPrincipal;

/** Whose files those of a person are; no service key can be of such an owner. */
export function ownerOfUser(userId: string): string {
  return `~${userId}`;
}

/** The person whose files have this owner; undefined for the owner of a service key. */
export function userOfOwner(owner: string): string | undefined {
  const prefix = ownerOfUser('');
  const userId = owner.slice(prefix.length);
  return owner.startsWith(prefix) && isUid(userId) ? userId : undefined;
}

/** A service key as stored; the secret itself is never kept. */
export interface ServiceKey {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly scopes: readonly Scope[];
  /** Store that what it sends goes to; undefined: the rules of placement decide. */
  readonly store: string | undefined;
  /** It sees and makes only files whose name begins so. */
  readonly namePrefix: string | undefined;
  /** SHA-256 of the secret, lower-case hex. */
  readonly secretHash: string;
  /** The secret before it, which is good for a while longer; undefined where it was never rotated. */
  readonly former: FormerSecret | undefined;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
  readonly lastUsedAt: number | undefined;
  /** Address that it was used from last. */
  readonly lastUsedFrom: string | undefined;
  /** When it got its present secret, where that is not its first. */
  readonly rotatedAt: number | undefined;
}

interface FormerSecret {
  /** SHA-256, lower-case hex. */
  readonly hash: string;
  /** Milliseconds since the epoch; not good from then on. */
  readonly until: number;
  readonly lastUsedAt: number | undefined;
}
