import type { LinkPrincipal, PrincipalName, V0Principal } from './principals.ts';
import type { Call, Signed, World } from './world.ts';

/** Who gets which status, by docs/rest.md ("Scopes", "Links", "Failures") and docs/osproxy-v0.md ("Who may call what", "Links"). */
export type Expected = Readonly<Record<PrincipalName, number>>;

export interface Row {
  /** `signed` holds the parameters of the v0 link that is shown, or nothing. */
  readonly call: (world: World, signed: Signed) => Call;
  readonly expected: Expected;
  /** A REST route that takes a link in the query; elsewhere `?link=` is not looked at. */
  readonly takesLinks?: true;
  /** A GET that does something, and so has no HEAD. */
  readonly noHead?: true;
  /** The call changes what the others are about, so each one that is let in gets a world of its own. */
  readonly changes?: true;
  /** The call ends sessions or changes people, so each world gets people of its own; only with `changes`. */
  readonly changesPeople?: true;
}

const NO_KEY = { nobody: 401, wrongKey: 401, forgedToken: 401, expiredKey: 401, revokedKey: 401 } as const;

/** A link that is over says so; one that nobody signed is nobody. */
const NO_LINK: Record<LinkPrincipal, number> = {
  readLink: 403,
  readLinkOfOther: 403,
  readLinkExpired: 410,
  readLinkRevoked: 410,
  readLinkUsedUp: 410,
  readLinkTampered: 401,
  writeLink: 403,
  writeLinkOfOther: 403,
  writeLinkExpired: 410,
  writeLinkRevoked: 410,
  writeLinkTampered: 401,
};
export const READ_LINK = { ...NO_LINK, readLink: 200, readLinkOfOther: 404 };

export function writeLink(status: number): Record<LinkPrincipal, number> {
  return { ...NO_LINK, writeLink: status, writeLinkOfOther: 404 };
}

/** v0 links open nothing but the v0 wire. */
const NO_V0: Record<V0Principal, number> = {
  v0Upload: 401,
  v0UploadExpired: 401,
  v0UploadExpiredBegun: 401,
  v0UploadTampered: 401,
  v0Download: 401,
  v0DownloadExpired: 401,
  v0DownloadRevoked: 401,
  v0DownloadTampered: 401,
};
const NO_SCOPE = { readKey: 403, writeKey: 403, deleteKey: 403, linksKey: 403 } as const;
/** Routes are for services unless they say otherwise. */
const NO_PERSON = {
  member: 403,
  otherMember: 403,
  adminPerson: 403,
  signedOut: 401,
  deletedUser: 401,
} as const;
export const NOBODY = { ...NO_KEY, ...NO_SCOPE, ...NO_PERSON, ...NO_LINK, ...NO_V0 };

/** Where credentials are not looked at. */
export function everybody(status: number): Expected {
  return {
    ...fill(NOBODY, status),
    otherOwner: status,
    limitedKey: status,
    admin: status,
  };
}

function fill<K extends string>(names: Readonly<Record<K, number>>, status: number): Record<K, number> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, status])) as Record<K, number>;
}

export const PUBLIC = everybody(200);
/** The calls between nodes look at nothing but the signature of a peer. */
export const PEERS_ONLY = everybody(401);
/** The parameters of the link are missing, wrong, or those of a link for something else. */
export const UNSIGNED = everybody(422);

/** In the v0 wire what is over is 404. */
const V0_NO_LINK = {
  ...NO_LINK,
  readLinkExpired: 404,
  readLinkRevoked: 404,
  readLinkUsedUp: 404,
  writeLinkExpired: 404,
  writeLinkRevoked: 404,
};
export const V0_NOBODY = { ...NOBODY, ...V0_NO_LINK };

/** Routes about the installation itself. */
export const ADMIN = administrators(200);

export function administrators(status: number): Expected {
  return { ...NOBODY, otherOwner: 403, limitedKey: 403, admin: status, adminPerson: status };
}

/** Routes that belong to somebody who is signed in. */
export function people(status: number): Expected {
  return {
    ...{ ...NOBODY, otherOwner: 403, limitedKey: 403, admin: 403 },
    ...{ member: status, otherMember: status, adminPerson: status },
  };
}
