import { createHmac } from 'node:crypto';
import { AuditLog } from '#core/audit/audit-log.ts';
import { COMMAND } from '#core/audit/caller.ts';
import type { Principal, Scope } from '#core/model/principal.ts';
import { type Clock, systemClock } from '#core/ports/clock.ts';
import { ServiceKeys } from '#core/service-keys.ts';
import { createLog } from '#drivers/logger/pino.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import type { RunningService } from '../service.ts';
import { createPeople, PERSON_PRINCIPALS, type People, type PersonPrincipal } from './access-people.ts';
import type { Signed, World } from './world.ts';

const OWNER = 'shop';
const DAY_MS = 24 * 3_600_000;

/** Secrets of keys of the owner "shop", and of others where the name says so. */
export interface Keys {
  /** Prepares worlds: read, write, links. */
  readonly builder: string;
  readonly read: string;
  readonly write: string;
  readonly delete: string;
  readonly links: string;
  readonly otherOwner: string;
  /** Of the same owner, with every scope but admin, for names that nothing here has. */
  readonly limited: string;
  readonly admin: string;
  readonly expired: string;
  readonly revoked: string;
  readonly people: People;
}

/** Made beside the running service in its own database, so that one can have expired already. */
export async function createKeys(service: RunningService): Promise<Keys> {
  const people = await createPeople(service);
  const { logger, close } = createLog({ level: 'silent' });
  const metadata = await openMetadata(service.databaseUrl, { logger });
  const keysAt = (clock: Clock) =>
    new ServiceKeys({
      ...{ metadata, clock, audit: new AuditLog({ metadata, clock, logger }), stores: [] },
      configuredKey: undefined,
    });
  const keys = keysAt(systemClock);
  const before = keysAt({ now: () => Date.now() - DAY_MS });
  const make = async (scopes: readonly Scope[], owner = OWNER) =>
    (await keys.create({ name: 'test', owner, scopes }, COMMAND)).secret;
  try {
    const all = ['read', 'write', 'delete', 'links'] as const;
    const revoked = await keys.create({ name: 'revoked', owner: OWNER, scopes: all }, COMMAND);
    await keys.revoke(revoked.key.id, COMMAND);
    const limits = { namePrefix: 'elsewhere/' };
    const limited = await keys.create({ name: 'limited', owner: OWNER, scopes: all, ...limits }, COMMAND);
    const expired = await before.create(
      { name: 'expired', owner: OWNER, scopes: all, expiresAt: Date.now() - 1000 },
      COMMAND,
    );
    return {
      builder: await make(['read', 'write', 'links']),
      read: await make(['read']),
      write: await make(['write']),
      delete: await make(['delete']),
      links: await make(['links']),
      otherOwner: await make(all, 'another'),
      limited: limited.secret,
      admin: await make(['admin'], 'another'),
      expired: expired.secret,
      revoked: revoked.secret,
      people,
    };
  } finally {
    await metadata.close();
    await close();
  }
}

const KEY_PRINCIPALS = {
  readKey: 'read',
  writeKey: 'write',
  deleteKey: 'delete',
  linksKey: 'links',
  otherOwner: 'otherOwner',
  limitedKey: 'limited',
  admin: 'admin',
  expiredKey: 'expired',
  revokedKey: 'revoked',
} as const satisfies Record<string, keyof Omit<Keys, 'people'>>;

const LINK_PRINCIPALS = {
  readLink: ({ links }: World) => [links.read],
  readLinkOfOther: ({ links }: World) => [links.readOther],
  readLinkExpired: ({ links }: World) => [links.readExpired],
  readLinkRevoked: ({ links }: World) => [links.readRevoked],
  readLinkUsedUp: ({ links }: World) => [links.readUsedUp],
  readLinkTampered: ({ links }: World) => tampered(links.read, links.readOther),
  writeLink: ({ links }: World) => [links.write],
  writeLinkOfOther: ({ links }: World) => [links.writeOther],
  writeLinkExpired: ({ links }: World) => [links.writeExpired],
  writeLinkRevoked: ({ links }: World) => [links.writeRevoked],
  writeLinkTampered: ({ links }: World) => tampered(links.write, links.writeOther),
} as const;

const V0_PRINCIPALS = {
  v0Upload: ({ v0 }: World) => [v0.upload],
  v0UploadExpired: ({ v0 }: World) => [v0.uploadExpired],
  v0UploadExpiredBegun: ({ v0 }: World) => [v0.uploadExpiredBegun],
  v0UploadTampered: ({ v0 }: World) => changed(v0.upload, v0.uploadOther),
  v0Download: ({ v0 }: World) => [v0.download],
  v0DownloadExpired: ({ v0 }: World) => [v0.downloadExpired],
  v0DownloadRevoked: ({ v0 }: World) => [v0.downloadRevoked],
  v0DownloadTampered: ({ v0 }: World) => changed(v0.download, v0.downloadOther),
} as const;

export type LinkPrincipal = keyof typeof LINK_PRINCIPALS;
export type V0Principal = keyof typeof V0_PRINCIPALS;
export type PrincipalName =
  | 'nobody'
  | 'wrongKey'
  | 'forgedToken'
  | keyof typeof KEY_PRINCIPALS
  | PersonPrincipal
  | LinkPrincipal
  | V0Principal;

/** Somebody of each kind that core knows is in the table; other nodes have tests of their own in test/e2e/cluster. */
export const OF_KIND: Readonly<
  Record<Exclude<Principal['kind'], 'peer'>, readonly [PrincipalName, ...PrincipalName[]]>
> = {
  anonymous: ['nobody'],
  service: ['readKey', 'writeKey', 'deleteKey', 'linksKey', 'otherOwner', 'limitedKey', 'admin'],
  person: ['member', 'otherMember', 'adminPerson'],
  link: ['readLink', 'writeLink'],
};

/** What one request shows. */
export interface Shown {
  readonly what: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A token to put into the query as `link`. */
  readonly token?: string;
  /** Parameters of a v0 link to put into the query. */
  readonly signed?: Signed;
}

/** Every way in which the principal can show itself; a tampered link has many. */
export function showings(name: PrincipalName, keys: Keys, world: World): Shown[] {
  if (name === 'nobody') return [{ what: 'nothing', headers: {} }];
  if (name === 'wrongKey') return WRONG_KEYS.map((key) => ({ what: `the key ${key}`, headers: bearer(key) }));
  if (name === 'forgedToken') {
    return forged(keys.people.adminPerson).map((token) => ({
      what: `the token ${token}`,
      headers: bearer(token),
    }));
  }
  if (name in KEY_PRINCIPALS) {
    const secret = keys[KEY_PRINCIPALS[name as keyof typeof KEY_PRINCIPALS]];
    return [
      { what: 'a key', headers: bearer(secret) },
      { what: 'X-Api-Key', headers: { 'x-api-key': secret } },
    ];
  }
  if (PERSON_PRINCIPALS.some((one) => one === name)) {
    const people = world.people ?? keys.people;
    return [{ what: 'an access token', headers: bearer(people[name as PersonPrincipal]) }];
  }
  if (name in LINK_PRINCIPALS) {
    return LINK_PRINCIPALS[name as LinkPrincipal](world).flatMap((token) => [
      { what: `a link ${token} in the header`, headers: { authorization: `Link ${token}` } },
      { what: `a link ${token} in the query`, headers: {}, token },
    ]);
  }
  return V0_PRINCIPALS[name as V0Principal](world).map((signed) => ({
    what: `a v0 link ${JSON.stringify(signed)}`,
    headers: {},
    signed,
  }));
}

const WRONG_KEYS = [
  `osp_aaaaaaaaaaaa_${'A'.repeat(43)}`,
  'osp_aaaaaaaaaaaa_short',
  'x',
  'test-key-012345678',
];

/** An administrator's token as somebody without a key would change it: unsigned, signed with what is public, for another user, for longer, cut. */
function forged(token: string): string[] {
  const [head = '', body = '', signature = ''] = token.split('.');
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as object;
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as { exp: number };
  const hmac = (text: string) => createHmac('sha256', 'osproxy').update(text).digest('base64url');
  const symmetric = `${part({ ...header, alg: 'HS256' })}.${body}`;
  return [
    `${part({ ...header, alg: 'none' })}.${body}.`,
    `${part({ ...header, alg: 'none' })}.${body}.${signature}`,
    `${symmetric}.${hmac(symmetric)}`,
    `${part({ ...header, kid: 'other' })}.${body}.${signature}`,
    `${head}.${part({ ...claims, sub: '1' })}.${signature}`,
    `${head}.${part({ ...claims, exp: claims.exp + 60 })}.${signature}`,
    `${head}.${body}.${flipped(signature)}`,
    `${head}.${body}.${signature.slice(0, -2)}`,
    `${head}.${body}.`,
  ];
}

function bearer(secret: string): Record<string, string> {
  return { authorization: `Bearer ${secret}` };
}

/** The token with something else in each of its places. */
function tampered(token: string, other: string): string[] {
  const [id = '', key = '', signature = ''] = token.split('.');
  const [otherId = '', , otherSignature = ''] = other.split('.');
  return [
    `${otherId}.${key}.${signature}`,
    `${id}.${key}.${otherSignature}`,
    `${id}.k9.${signature}`,
    `${id}.${key}.${flipped(signature)}`,
    `${id}.${key}.${signature.slice(0, -1)}`,
    `${id}.${key}.`,
    `${id}`,
    `${flipped(id)}.${key}.${signature}`,
  ];
}

/** The link with one parameter changed, taken from another link, or left out; each parameter in turn. */
function changed(link: Signed, other: Signed): Signed[] {
  return Object.entries(link).flatMap(([field, value]) => {
    const { [field]: _left, ...rest } = link;
    const variants: Signed[] = [rest, { ...link, [field]: '' }];
    if (other[field] !== undefined && other[field] !== value)
      variants.push({ ...link, [field]: other[field] });
    if (field === 'expire') variants.push({ ...link, expire: '601' });
    if (field === 'date') variants.push({ ...link, date: value.replace(/^\d{4}/, '2099') });
    if (field === 'signature') variants.push({ ...link, signature: flipped(value) });
    if (['name', 'bucket', 'object'].includes(field)) variants.push({ ...link, [field]: `${value}x` });
    return variants;
  });
}

function flipped(text: string): string {
  return `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`;
}
