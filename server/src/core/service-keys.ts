import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { OsproxyError } from './errors.ts';
import { SCOPES, type Scope, type ServiceKey, type ServicePrincipal } from './model/principal.ts';
import type { Clock } from './ports/clock.ts';
import type { Metadata } from './ports/metadata.ts';

const TOUCH_EVERY_MS = 60_000;
const LOOKUP_TTL_MS = 2_000;
const LOOKUP_ENTRIES = 1_000;
const FORM = /^osp_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/;

export interface NewServiceKey {
  /** 1 to 100 characters, for people. */
  readonly name: string;
  /** Whose files the key sees: 1 to 64 of [a-zA-Z0-9._-]. */
  readonly owner: string;
  readonly scopes: readonly Scope[];
  /** Milliseconds since the epoch; never expires when left out. */
  readonly expiresAt?: number | undefined;
}

interface Lookup {
  readonly key: ServiceKey | undefined;
  readonly until: number;
}

/** Service keys "osp_<id>_<secret>": the secret has 256 random bits and is kept as a SHA-256 only. */
export class ServiceKeys {
  readonly #metadata: Metadata;
  readonly #clock: Clock;
  readonly #configured: ServicePrincipal | undefined;
  readonly #configuredHash: Buffer | undefined;
  readonly #lookups = new Map<string, Lookup>();

  /** `configuredKey` is accepted beside the stored ones, with every scope, as owner "default". */
  constructor(metadata: Metadata, clock: Clock, configuredKey: string | undefined) {
    this.#metadata = metadata;
    this.#clock = clock;
    if (configuredKey !== undefined) {
      this.#configuredHash = sha256(configuredKey);
      this.#configured = {
        kind: 'service',
        keyId: 'configured',
        name: 'configured',
        owner: DEFAULT_OWNER,
        scopes: new Set(SCOPES),
      };
    }
  }

  /** The secret is returned once and cannot be shown again. */
  async create(wanted: NewServiceKey): Promise<{ key: ServiceKey; secret: string }> {
    check(wanted, this.#clock.now());
    const id = randomId();
    const random = randomBytes(32).toString('base64url');
    const secret = `osp_${id}_${random}`;
    const key: ServiceKey = {
      id,
      name: wanted.name,
      owner: wanted.owner,
      scopes: SCOPES.filter((scope) => wanted.scopes.includes(scope)),
      secretHash: sha256(secret).toString('hex'),
      createdAt: this.#clock.now(),
      expiresAt: wanted.expiresAt,
      revokedAt: undefined,
      lastUsedAt: undefined,
    };
    await this.#metadata.transaction((repositories) => repositories.keys.insert(key));
    return { key, secret };
  }

  list(): Promise<readonly ServiceKey[]> {
    return this.#metadata.keys.list();
  }

  /** Takes effect within two seconds on every node. Throws NotFound. */
  async revoke(id: string): Promise<void> {
    const now = this.#clock.now();
    const revoked = await this.#metadata.transaction((repositories) => repositories.keys.revoke(id, now));
    this.#lookups.delete(id);
    if (!revoked) throw new OsproxyError('NotFound', `There is no service key "${id}".`, { details: { id } });
  }

  /** True for the one key that the configuration gives. */
  isConfigured(secret: string): boolean {
    return this.#configuredHash !== undefined && timingSafeEqual(sha256(secret), this.#configuredHash);
  }

  /** Throws Unauthenticated, with the same words whatever is wrong with the secret. */
  async authenticate(secret: string): Promise<ServicePrincipal> {
    const hashed = sha256(secret);
    if (this.#configured !== undefined && this.#configuredHash !== undefined) {
      if (timingSafeEqual(hashed, this.#configuredHash)) return this.#configured;
    }
    const id = FORM.exec(secret)?.[1];
    const key = id === undefined ? undefined : await this.#find(id);
    if (key === undefined || !timingSafeEqual(hashed, Buffer.from(key.secretHash, 'hex'))) throw unknownKey();
    const now = this.#clock.now();
    if (key.revokedAt !== undefined) throw unknownKey();
    if (key.expiresAt !== undefined && key.expiresAt <= now) throw unknownKey();
    this.#touch(key, now);
    return { kind: 'service', keyId: key.id, name: key.name, owner: key.owner, scopes: new Set(key.scopes) };
  }

  async #find(id: string): Promise<ServiceKey | undefined> {
    const now = this.#clock.now();
    const known = this.#lookups.get(id);
    if (known !== undefined && known.until > now) return known.key;
    const key = await this.#metadata.keys.find(id);
    if (this.#lookups.size >= LOOKUP_ENTRIES) this.#lookups.clear();
    this.#lookups.set(id, { key, until: now + LOOKUP_TTL_MS });
    return key;
  }

  /** Last use is kept to the minute and never holds a request up. */
  #touch(key: ServiceKey, now: number): void {
    if (key.lastUsedAt !== undefined && now - key.lastUsedAt < TOUCH_EVERY_MS) return;
    const lookup = this.#lookups.get(key.id);
    // Its end stays: using a key must not put off the moment at which its revocation elsewhere is seen.
    if (lookup?.key === key) this.#lookups.set(key.id, { ...lookup, key: { ...key, lastUsedAt: now } });
    this.#metadata.transaction((repositories) => repositories.keys.touch(key.id, now)).catch(() => {});
  }
}

export const DEFAULT_OWNER = 'default';

function check(wanted: NewServiceKey, now: number): void {
  const bad = (field: string, message: string) =>
    new OsproxyError('InvalidArgument', message, { details: { field } });
  if (wanted.name.length < 1 || wanted.name.length > 100) {
    throw bad('name', 'The name of a key must have 1 to 100 characters.');
  }
  if (!/^[a-zA-Z0-9._-]{1,64}$/.test(wanted.owner)) {
    throw bad('owner', 'The owner of a key must have 1 to 64 characters of a-z, A-Z, 0-9, ".", "_" and "-".');
  }
  if (wanted.scopes.length === 0 || wanted.scopes.some((scope) => !SCOPES.includes(scope))) {
    throw bad('scopes', `A key needs at least one scope of: ${SCOPES.join(', ')}.`);
  }
  if (wanted.expiresAt !== undefined && !(wanted.expiresAt > now)) {
    throw bad('expiresAt', 'The expiry of a key must be in the future.');
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function randomId(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  return Array.from(randomBytes(12), (byte) => alphabet[byte & 31]).join('');
}

function unknownKey(): OsproxyError {
  return new OsproxyError('Unauthenticated', 'The service key is unknown, expired or revoked.');
}
