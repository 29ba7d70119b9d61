import type { LinkScope } from './link.ts';
import type { Uid } from './uid.ts';
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

/** A service key as stored; the secret itself is never kept. */
export interface ServiceKey {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly scopes: readonly Scope[];
  /** SHA-256 of the secret, lower-case hex. */
  readonly secretHash: string;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
  readonly lastUsedAt: number | undefined;
}
