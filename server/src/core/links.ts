import { randomBytes } from 'node:crypto';
import { mayTouch } from './access.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { OsproxyError } from './errors.ts';
import { linkEvent } from './events/facts.ts';
import type { FileRecords } from './file-records.ts';
import type { LinkSigner } from './link-signer.ts';
import type { Caller, NewAuditEntry } from './model/audit.ts';
import type { LinkRecord, LinkScope } from './model/link.ts';
import type { LinkPrincipal, Principal } from './model/principal.ts';
import { isUid, type Uid } from './model/uid.ts';
import type { Clock } from './ports/clock.ts';
import type { Metadata } from './ports/metadata.ts';

/** Tokens of links that are over that a process remembers. */
const MOST_OVER = 10_000;

export interface NewLink {
  readonly uid: Uid;
  readonly scope: LinkScope;
  /** Seconds from now: 1 to the configured maximum. */
  readonly expiresInSeconds: number;
  readonly disposition: 'inline' | 'attachment';
  /** Downloads allowed in all, 1 to 1 000 000; any number when left out. */
  readonly maxUses?: number | undefined;
}

export interface CreatedLink {
  readonly link: LinkRecord;
  /** Put into a URL as `link=<token>`. */
  readonly token: string;
}

/** Revocable links: a stored record whose id, scope, uid and expiry are signed into a token. */
export class Links {
  readonly #metadata: Metadata;
  readonly #records: FileRecords;
  readonly #signer: LinkSigner;
  readonly #clock: Clock;
  readonly #audit: AuditLog;
  readonly #maxExpireSeconds: number;
  /** Tokens of links that are over, which no link ever is not again. That one is good is never remembered: only the database knows of a revocation at once. */
  readonly #over = new Set<string>();

  constructor(options: {
    metadata: Metadata;
    records: FileRecords;
    signer: LinkSigner;
    clock: Clock;
    audit: AuditLog;
    maxExpireSeconds: number;
  }) {
    this.#metadata = options.metadata;
    this.#records = options.records;
    this.#signer = options.signer;
    this.#clock = options.clock;
    this.#audit = options.audit;
    this.#maxExpireSeconds = options.maxExpireSeconds;
  }

  /** A read link needs a file, a write link an open upload, both visible to the principal; else NotFound. */
  async create(principal: Principal, wanted: NewLink): Promise<CreatedLink> {
    this.#check(wanted);
    const target =
      wanted.scope === 'read'
        ? (await this.#records.find(wanted.uid))?.file
        : await this.#metadata.uploads.find(wanted.uid);
    const usable = target !== undefined && mayTouch(principal, target);
    if (!usable || (wanted.scope === 'write' && target.state !== 'open')) {
      const what = wanted.scope === 'read' ? 'file' : 'open upload';
      throw new OsproxyError('NotFound', `There is no ${what} ${wanted.uid}.`, {
        details: { uid: wanted.uid },
      });
    }
    const now = this.#clock.now();
    const link: LinkRecord = {
      id: randomBytes(16).toString('base64url'),
      uid: wanted.uid,
      owner: target.owner,
      scope: wanted.scope,
      disposition: wanted.disposition,
      expiresAt: now + wanted.expiresInSeconds * 1000,
      maxUses: wanted.maxUses,
      uses: 0,
      createdAt: now,
      revokedAt: undefined,
    };
    await this.#metadata.transaction(async (repositories) => {
      await repositories.links.insert(link);
      await repositories.events.append(linkEvent('link.created', link), now);
    });
    return { link, token: this.tokenOf(link) };
  }

  /** The token of a stored link; the same link always has the same token while the signing key lasts. */
  tokenOf(link: LinkRecord): string {
    return `${link.id}.${this.#signer.sign(signedFields(link))}`;
  }

  list(uid: Uid): Promise<readonly LinkRecord[]> {
    return this.#metadata.links.list(uid, this.#clock.now(), 1000);
  }

  /** Takes effect at once for every request that starts afterwards. Throws NotFound. */
  async revoke(uid: Uid, id: string, caller: Caller): Promise<void> {
    const now = this.#clock.now();
    const isThere = await this.#metadata.transaction(async (repositories) => {
      const link = await repositories.links.find(id);
      if (!(await repositories.links.revoke(uid, id, now))) return false;
      if (link !== undefined && link.revokedAt === undefined) {
        await repositories.events.append(linkEvent('link.revoked', link), now);
        const { owner, scope } = link;
        await this.#audit.note(repositories, caller, revoked(uid, scope, { link: id, owner }));
      }
      return true;
    });
    if (!isThere)
      throw new OsproxyError('NotFound', `There is no link "${id}" of ${uid}.`, { details: { uid, id } });
  }

  /**
   * Revokes every link of a file or upload that the principal may see, else NotFound. Of a file this also voids the signed links that are not
   * stored.
   */
  async revokeAll(principal: Principal, uid: Uid, caller: Caller): Promise<void> {
    const now = this.#clock.now();
    const isFile = await this.#metadata.transaction(async (repositories) => {
      const found = await repositories.files.find(uid);
      const file = found?.state === 'deleted' ? undefined : found;
      const target = file ?? (await repositories.uploads.find(uid));
      if (target === undefined || !mayTouch(principal, target)) {
        throw new OsproxyError('NotFound', `There is no file or upload ${uid}.`, { details: { uid } });
      }
      const count = await repositories.links.revokeAll(uid, now);
      if (file !== undefined) await repositories.files.bumpLinkEpoch(uid, now);
      const event = {
        type: 'link.revoked',
        subject: uid,
        owner: target.owner,
        data: { uid, all: true },
      } as const;
      if (count > 0 || file !== undefined) {
        await repositories.events.append(event, now);
        const detail = { all: true, links: count, owner: target.owner };
        const scope = file === undefined ? 'write' : 'read';
        await this.#audit.note(repositories, caller, revoked(uid, scope, detail));
      }
      return file !== undefined;
    });
    if (isFile) await this.#records.changed(uid);
  }

  /** Throws Unauthenticated for a token nobody signed, Expired for one that is over, revoked or used up. */
  async authenticate(token: string): Promise<LinkPrincipal> {
    const dot = token.indexOf('.');
    const id = token.slice(0, Math.max(dot, 0));
    if (this.#over.has(token)) throw overLink();
    const link = /^[A-Za-z0-9_-]{22}$/.test(id) ? await this.#metadata.links.find(id) : undefined;
    if (link === undefined || !this.#signer.verify(signedFields(link), token.slice(dot + 1))) {
      throw new OsproxyError('Unauthenticated', 'This link is not valid.');
    }
    const usedUp = link.maxUses !== undefined && link.uses >= link.maxUses;
    if (link.revokedAt !== undefined || link.expiresAt <= this.#clock.now() || usedUp) {
      this.#remember(token);
      throw overLink();
    }
    return { kind: 'link', linkId: link.id, uid: link.uid, scope: link.scope, disposition: link.disposition };
  }

  /** Counts one download against the link's limit; throws Expired when it was the one too many. */
  async use(principal: LinkPrincipal): Promise<void> {
    const link = await this.#metadata.links.find(principal.linkId);
    if (link !== undefined && link.maxUses === undefined && link.revokedAt === undefined) return;
    const now = this.#clock.now();
    const counted = await this.#metadata.transaction((repositories) =>
      repositories.links.use(principal.linkId, now),
    );
    if (!counted) throw overLink();
  }

  #remember(token: string): void {
    const [oldest] = this.#over;
    if (oldest !== undefined && this.#over.size >= MOST_OVER) this.#over.delete(oldest);
    this.#over.add(token);
  }

  #check(wanted: NewLink): void {
    const bad = (field: string, message: string) =>
      new OsproxyError('InvalidArgument', message, { details: { field } });
    if (!isUid(wanted.uid)) throw bad('uid', 'uid must be a positive decimal number of at most 63 bits.');
    const seconds = wanted.expiresInSeconds;
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > this.#maxExpireSeconds) {
      throw bad(
        'expiresIn',
        `expiresIn must be a whole number of seconds from 1 to ${this.#maxExpireSeconds}.`,
      );
    }
    const uses = wanted.maxUses;
    if (uses !== undefined && (!Number.isInteger(uses) || uses < 1 || uses > 1_000_000)) {
      throw bad('maxUses', 'maxUses must be a whole number from 1 to 1000000.');
    }
  }
}

function revoked(uid: Uid, scope: LinkScope, detail: NewAuditEntry['detail']): NewAuditEntry {
  const kind = scope === 'read' ? 'file' : 'upload';
  return { action: 'link.revoked', subject: { kind, id: uid }, detail: { scope, ...detail } };
}

function signedFields(link: LinkRecord): string[] {
  return ['link', link.id, link.scope, link.uid, link.disposition, String(link.expiresAt)];
}

function overLink(): OsproxyError {
  return new OsproxyError('Expired', 'This link has expired, was revoked or is used up; ask for a new one.');
}
