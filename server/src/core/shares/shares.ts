import type { Passwords } from '../accounts/passwords.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { DriveTree } from '../drive/tree.ts';
import { OsproxyError } from '../errors.ts';
import type { Caller } from '../model/audit.ts';
import type { Share } from '../model/share.ts';
import { isUid } from '../model/uid.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Metadata } from '../ports/metadata.ts';
import { shareEvent, toldOf } from './share-events.ts';
import { hashOfShareKey, newShareKey } from './share-keys.ts';
import { checkSharePassword, checkTerms, type ShareTerms } from './share-rules.ts';

const DAY_MS = 86_400_000;

export interface NewShare extends ShareTerms {
  readonly entryId: string;
  readonly password: string | undefined;
}

/** What is left out stays as it is; a password or a limit of `null` is taken away. */
export type ShareChange = { readonly [K in keyof Omit<ShareTerms, 'permission'>]?: ShareTerms[K] | null } & {
  readonly permission?: ShareTerms['permission'];
  readonly password?: string | null;
};

export interface SharePage {
  readonly shares: readonly Share[];
  /** Pass as `after` for the next page; undefined on the last one. */
  readonly next: string | undefined;
}

export interface SharesOptions {
  readonly metadata: Metadata;
  readonly tree: DriveTree;
  readonly passwords: Passwords;
  readonly audit: Pick<AuditLog, 'note'>;
  readonly ids: IdSource;
  readonly clock: Clock;
  /** False: nobody makes one, and those that there are open nothing. */
  readonly enabled: boolean;
  /** Days after which a share must end; 0 sets no limit. */
  readonly maxExpireDays: number;
}

/** What owners do with their shares. What is somebody else's does not exist here. */
export class Shares {
  readonly #options: SharesOptions;

  constructor(options: SharesOptions) {
    this.#options = options;
  }

  /** Throws NotFound for an entry that is not there, InvalidArgument for terms that make no sense, PermissionDenied where sharing is turned off. */
  async create(userId: string, wanted: NewShare, caller: Caller): Promise<Share> {
    const { metadata, tree, passwords, audit, ids, clock, enabled } = this.#options;
    if (!enabled) throw new OsproxyError('PermissionDenied', 'Sharing is turned off in this installation.');
    const { password, entryId: _entry, ...terms } = wanted;
    const entry = await tree.find(userId, wanted.entryId);
    const now = clock.now();
    checkTerms(terms, entry, now, this.#latest(now));
    if (password !== undefined) checkSharePassword(password);
    const share: Share = {
      ...terms,
      ...{ id: ids.next(), userId, entryId: entry.id, key: newShareKey() },
      password: password === undefined ? undefined : await passwords.hash(password),
      ...{
        passwordEpoch: 1,
        downloads: 0,
        uploads: 0,
        createdAt: now,
        updatedAt: now,
        lastUsedAt: undefined,
      },
    };
    await metadata.transaction(async (repositories) => {
      await repositories.shares.insert(share, hashOfShareKey(share.key) ?? '');
      await repositories.events.append(shareEvent('share.created', share), now);
      await audit.note(repositories, caller, {
        action: 'share.created',
        subject: { kind: 'share', id: share.id },
        detail: toldOf(share),
      });
    });
    return share;
  }

  /** The newest first; of one entry where it is named. `limit` 1 to 1000. */
  async list(
    userId: string,
    { entryId, after, limit }: { entryId?: string | undefined; after?: string | undefined; limit: number },
  ): Promise<SharePage> {
    const query = { userId, entryId, after, limit: Math.min(limit + 1, 1000) };
    const found = await this.#options.metadata.shares.list(query);
    const shares = found.slice(0, limit);
    return { shares, next: found.length > limit ? shares.at(-1)?.id : undefined };
  }

  /** Throws NotFound. */
  async find(userId: string, id: string): Promise<Share> {
    return own(userId, id, isUid(id) ? await this.#options.metadata.shares.find(id) : undefined);
  }

  /** Holds for every request that begins afterwards; a new password voids every proof of the one before. Throws as create. */
  async change(userId: string, id: string, change: ShareChange, caller: Caller): Promise<Share> {
    const { metadata, tree, passwords, audit, clock } = this.#options;
    const before = await this.find(userId, id);
    const entry = await tree.find(userId, before.entryId);
    const { password } = change;
    if (typeof password === 'string') checkSharePassword(password);
    const hash = typeof password === 'string' ? await passwords.hash(password) : undefined;
    const now = clock.now();
    return metadata.transaction(async (repositories) => {
      const share = own(userId, id, await repositories.shares.lock(id));
      const terms = changed(share, change);
      const kept = terms.expiresAt === share.expiresAt ? { ...terms, expiresAt: undefined } : terms;
      checkTerms(kept, entry, now, kept === terms ? this.#latest(now) : undefined);
      const after: Share = {
        ...share,
        ...terms,
        ...(password === undefined ? {} : { password: hash, passwordEpoch: share.passwordEpoch + 1 }),
        updatedAt: now,
      };
      await repositories.shares.update(after);
      await repositories.events.append(shareEvent('share.changed', after), now);
      await audit.note(repositories, caller, {
        action: 'share.changed',
        subject: { kind: 'share', id },
        detail: { ...toldOf(after), passwordChanged: password !== undefined },
      });
      return after;
    });
  }

  /** Ends it for every request that begins afterwards, for good. Throws NotFound. */
  async revoke(userId: string, id: string, caller: Caller): Promise<void> {
    const { metadata, audit, clock } = this.#options;
    await this.find(userId, id);
    await metadata.transaction(async (repositories) => {
      const share = own(userId, id, await repositories.shares.lock(id));
      await repositories.shares.remove(id);
      await repositories.events.append(shareEvent('share.revoked', share), clock.now());
      await audit.note(repositories, caller, {
        action: 'share.revoked',
        subject: { kind: 'share', id },
        detail: toldOf(share),
      });
    });
  }

  /** Which of these entries have a share. At most 1000. */
  sharedAmong(entryIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#options.metadata.shares.sharedAmong(entryIds);
  }

  #latest(now: number): number | undefined {
    const { maxExpireDays } = this.#options;
    return maxExpireDays === 0 ? undefined : now + maxExpireDays * DAY_MS;
  }
}

function own(userId: string, id: string, share: Share | undefined): Share {
  if (share !== undefined && share.userId === userId) return share;
  const shown = id.slice(0, 40);
  throw new OsproxyError('NotFound', `There is no share ${shown}.`, { details: { id: shown } });
}

function changed(share: Share, change: ShareChange): ShareTerms {
  const pick = <T>(given: T | null | undefined, before: T | undefined): T | undefined =>
    given === undefined ? before : (given ?? undefined);
  return {
    permission: change.permission ?? share.permission,
    label: pick(change.label, share.label),
    expiresAt: pick(change.expiresAt, share.expiresAt),
    maxDownloads: pick(change.maxDownloads, share.maxDownloads),
    maxUploads: pick(change.maxUploads, share.maxUploads),
    maxUploadBytes: pick(change.maxUploadBytes, share.maxUploadBytes),
  };
}
