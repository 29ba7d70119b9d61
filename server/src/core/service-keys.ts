import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AuditLog } from './audit/audit-log.ts';
import { OsproxyError } from './errors.ts';
import { checkNewKey, DEFAULT_OWNER, type NewServiceKey, scopesInOrder } from './key-rules.ts';
import type { Caller, NewAuditEntry } from './model/audit.ts';
import { SCOPES, type ServiceKey, type ServicePrincipal } from './model/principal.ts';
import type { Clock } from './ports/clock.ts';
import type { Metadata } from './ports/metadata.ts';

const TOUCH_EVERY_MS = 60_000;
const LOOKUP_TTL_MS = 2_000;
const LOOKUP_ENTRIES = 1_000;
const FORM = /^osp_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/;

/** How long a former secret is good when nobody says otherwise, and at most. Seconds. */
export const DEFAULT_OVERLAP_SECONDS = 86_400;
export const MOST_OVERLAP_SECONDS = 2_592_000;

export interface KeyWithSecret {
  readonly key: ServiceKey;
  /** Returned once; it cannot be shown again. */
  readonly secret: string;
}

interface Lookup {
  readonly key: ServiceKey | undefined;
  readonly until: number;
}

interface GoodKey {
  readonly key: ServiceKey;
  /** Which secret was shown. */
  readonly fits: 'present' | 'former';
}

export interface ServiceKeysOptions {
  readonly metadata: Metadata;
  readonly clock: Clock;
  readonly audit: AuditLog;
  /** Names of the configured stores. */
  readonly stores: readonly string[];
  /** Accepted beside the stored ones, with every scope, as owner "default". */
  readonly configuredKey: string | undefined;
}

/** Service keys "osp_<id>_<secret>": the secret has 256 random bits and is kept as a SHA-256 only. */
export class ServiceKeys {
  readonly #options: ServiceKeysOptions;
  readonly #configured: ServicePrincipal | undefined;
  readonly #configuredHash: Buffer | undefined;
  readonly #lookups = new Map<string, Lookup>();

  constructor(options: ServiceKeysOptions) {
    this.#options = options;
    if (options.configuredKey === undefined) return;
    this.#configuredHash = sha256(options.configuredKey);
    this.#configured = {
      kind: 'service',
      keyId: 'configured',
      name: 'configured',
      owner: DEFAULT_OWNER,
      scopes: new Set(SCOPES),
    };
  }

  /** Throws InvalidArgument. */
  async create(wanted: NewServiceKey, caller: Caller): Promise<KeyWithSecret> {
    const { metadata, clock, audit, stores } = this.#options;
    const now = clock.now();
    checkNewKey(wanted, { now, stores });
    const id = randomId();
    const secret = newSecret(id);
    const key: ServiceKey = {
      id,
      name: wanted.name,
      owner: wanted.owner,
      scopes: scopesInOrder(wanted.scopes),
      store: wanted.store,
      namePrefix: wanted.namePrefix,
      secretHash: hashOf(secret),
      former: undefined,
      createdAt: now,
      expiresAt: wanted.expiresAt,
      revokedAt: undefined,
      lastUsedAt: undefined,
      lastUsedFrom: undefined,
      rotatedAt: undefined,
    };
    await metadata.transaction(async (repositories) => {
      await repositories.keys.insert(key);
      const { name, owner, scopes, store, namePrefix } = key;
      const limits = { store, namePrefix, expiresAt: textOf(key.expiresAt) };
      await audit.note(repositories, caller, entry('key.created', id, { name, owner, scopes, ...limits }));
    });
    return { key, secret };
  }

  list(): Promise<readonly ServiceKey[]> {
    return this.#options.metadata.keys.list();
  }

  /** Throws NotFound. */
  async find(id: string): Promise<ServiceKey> {
    const key = await this.#options.metadata.keys.find(id);
    if (key === undefined) throw noKey(id);
    return key;
  }

  /** Ends the key with every secret it has, within two seconds on every node. Throws NotFound. */
  async revoke(id: string, caller: Caller): Promise<void> {
    const { metadata, clock, audit } = this.#options;
    const now = clock.now();
    const known = await metadata.transaction(async (repositories) => {
      const key = await repositories.keys.lock(id);
      if (key === undefined) return false;
      if (key.revokedAt !== undefined) return true;
      await repositories.keys.revoke(id, now);
      await audit.note(repositories, caller, entry('key.revoked', id, { name: key.name, owner: key.owner }));
      return true;
    });
    this.#lookups.delete(id);
    if (!known) throw noKey(id);
  }

  /** True for the one key that the configuration gives. */
  isConfigured(secret: string): boolean {
    if (secret.length !== this.#options.configuredKey?.length || this.#configuredHash === undefined)
      return false;
    return timingSafeEqual(sha256(secret), this.#configuredHash);
  }

  /**
   * Gives the key another secret; the one before stays good for `overlapSeconds`, 0 to 30 days. Only one former secret is good at a time: while
   * there is one, a rotation with an overlap is a Conflict, so that nobody's secret ends early by mistake. Without an overlap every
   * earlier secret ends at once. Throws NotFound; Conflict also for a key that is revoked or has expired.
   */
  async rotate(id: string, overlapSeconds: number, caller: Caller): Promise<KeyWithSecret> {
    const { metadata, clock, audit } = this.#options;
    checkOverlap(overlapSeconds);
    const secret = newSecret(id);
    const key = await metadata.transaction(async (repositories) => {
      const before = await repositories.keys.lock(id);
      if (before === undefined) throw noKey(id);
      const now = clock.now();
      refuseRotation(before, overlapSeconds, now);
      const until = now + overlapSeconds * 1000;
      const former =
        overlapSeconds === 0 ? undefined : { hash: before.secretHash, until, lastUsedAt: undefined };
      const after = { ...before, secretHash: hashOf(secret), former, rotatedAt: now };
      await repositories.keys.rotate(id, after);
      const detail = { name: before.name, overlapSeconds };
      await audit.note(repositories, caller, entry('key.rotated', id, detail));
      return after;
    });
    this.#lookups.delete(id);
    return { key, secret };
  }

  /** Throws Unauthenticated, with the same words whatever is wrong with the secret. `from` is the address that showed it. */
  async authenticate(secret: string, from?: string): Promise<ServicePrincipal> {
    const hashed = sha256(secret);
    if (this.#configured !== undefined && this.#configuredHash !== undefined) {
      if (timingSafeEqual(hashed, this.#configuredHash)) return this.#configured;
    }
    const id = FORM.exec(secret)?.[1];
    if (id === undefined) throw unknownKey();
    const now = this.#options.clock.now();
    const good = await this.#good(id, hashed, now);
    if (good === undefined) throw unknownKey();
    const { key, fits } = good;
    this.#touch(key, { at: now, from: from?.slice(0, 64), former: fits === 'former' });
    const { name, owner, namePrefix, store } = key;
    const limits = {
      ...(namePrefix === undefined ? {} : { namePrefix }),
      ...(store === undefined ? {} : { store }),
    };
    const scopes = new Set(key.scopes);
    return { kind: 'service', keyId: key.id, name, owner, scopes, ...limits, shown: hashed };
  }

  /** True while the secret that somebody was let in with is good; at most two seconds old knowledge. */
  async goesOn(principal: ServicePrincipal): Promise<boolean> {
    if (principal === this.#configured) return true;
    const { keyId, shown } = principal;
    if (shown === undefined) return false;
    return (await this.#good(keyId, shown, this.#options.clock.now())) !== undefined;
  }

  /** The key and which of its secrets this is; undefined for one that is not good now. */
  async #good(id: string, hashed: Buffer, now: number): Promise<GoodKey | undefined> {
    let key = await this.#find(id, now);
    let fits = key !== undefined && fitOf(key, hashed, now);
    if (key !== undefined && fits === false) {
      // What is remembered may be older than a rotation on another node.
      this.#lookups.delete(id);
      key = await this.#find(id, now);
      fits = key !== undefined && fitOf(key, hashed, now);
    }
    if (key === undefined || fits === false || key.revokedAt !== undefined) return undefined;
    return key.expiresAt !== undefined && key.expiresAt <= now ? undefined : { key, fits };
  }

  async #find(id: string, now: number): Promise<ServiceKey | undefined> {
    const known = this.#lookups.get(id);
    if (known !== undefined && known.until > now) return known.key;
    const key = await this.#options.metadata.keys.find(id);
    if (this.#lookups.size >= LOOKUP_ENTRIES) this.#lookups.clear();
    this.#lookups.set(id, { key, until: now + LOOKUP_TTL_MS });
    return key;
  }

  /** Last use is kept to the minute and never holds a request up. */
  #touch(key: ServiceKey, use: { at: number; from: string | undefined; former: boolean }): void {
    const { at, former } = use;
    const last = former ? key.former?.lastUsedAt : key.lastUsedAt;
    if (last !== undefined && at - last < TOUCH_EVERY_MS) return;
    const lookup = this.#lookups.get(key.id);
    // Its end stays: using a key must not put off the moment at which its revocation elsewhere is seen.
    if (lookup?.key === key) {
      const noted = former && key.former !== undefined ? { former: { ...key.former, lastUsedAt: at } } : {};
      this.#lookups.set(key.id, { ...lookup, key: { ...key, lastUsedAt: at, ...noted } });
    }
    this.#options.metadata
      .transaction((repositories) => repositories.keys.touch(key.id, use))
      .catch(() => {});
  }
}

/** Which secret of the key this is; false for none that is good. */
function fitOf(
  { secretHash, former }: ServiceKey,
  hashed: Buffer,
  now: number,
): 'present' | 'former' | false {
  if (timingSafeEqual(hashed, Buffer.from(secretHash, 'hex'))) return 'present';
  if (former === undefined || former.until <= now) return false;
  return timingSafeEqual(hashed, Buffer.from(former.hash, 'hex')) && 'former';
}

function checkOverlap(seconds: number): void {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= MOST_OVERLAP_SECONDS) return;
  throw new OsproxyError(
    'InvalidArgument',
    `overlapSeconds must be a whole number from 0 to ${MOST_OVERLAP_SECONDS}, which is 30 days.`,
    { details: { field: 'overlapSeconds' } },
  );
}

function refuseRotation(key: ServiceKey, overlapSeconds: number, now: number): void {
  const { id, former } = key;
  const refused = (message: string) => new OsproxyError('Conflict', message, { details: { id } });
  if (key.revokedAt !== undefined) throw refused(`The service key "${id}" is revoked; create a new one.`);
  if (key.expiresAt !== undefined && key.expiresAt <= now)
    throw refused(`The service key "${id}" has expired; create a new one.`);
  if (overlapSeconds === 0 || former === undefined || former.until <= now) return;
  throw refused(
    `The secret before this one is good until ${textOf(former.until)}; rotate again after that, or without an overlap to end every earlier secret at once.`,
  );
}

function entry(action: NewAuditEntry['action'], id: string, detail: NewAuditEntry['detail']): NewAuditEntry {
  return { action, subject: { kind: 'key', id }, detail };
}

function textOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function newSecret(id: string): string {
  return `osp_${id}_${randomBytes(32).toString('base64url')}`;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function hashOf(secret: string): string {
  return sha256(secret).toString('hex');
}

function randomId(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  return Array.from(randomBytes(12), (byte) => alphabet[byte & 31]).join('');
}

function noKey(id: string): OsproxyError {
  return new OsproxyError('NotFound', `There is no service key "${id}".`, { details: { id } });
}

function unknownKey(): OsproxyError {
  return new OsproxyError('Unauthenticated', 'The service key is unknown, expired or revoked.');
}
