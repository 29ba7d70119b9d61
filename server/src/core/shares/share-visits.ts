import type { DriveTree } from '../drive/tree.ts';
import { isOsproxyError, OsproxyError } from '../errors.ts';
import type { Entry } from '../model/entry.ts';
import type { Share } from '../model/share.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import type { RateLimits } from '../rate-limits.ts';
import { hashOfShareKey } from './share-keys.ts';
import type { SharePasswords, ShareProof } from './share-passwords.ts';

/** What a visitor's request shows. */
export interface ShareCaller {
  readonly key: string;
  /** That of `unlock`. */
  readonly proof: string | undefined;
  readonly address: string;
}

/** A share as it is at this moment, opened for one request. */
export interface Visit {
  readonly share: Share;
  /** What is shared. */
  readonly root: Entry;
  readonly caller: ShareCaller;
}

export interface VisitsOptions {
  readonly metadata: Metadata;
  readonly tree: DriveTree;
  readonly passwords: SharePasswords;
  readonly rateLimits: RateLimits;
  readonly clock: Clock;
  readonly enabled: boolean;
}

/** Lets visitors in: everything is asked of the database, for every request. */
export class ShareVisits {
  readonly #options: VisitsOptions;

  constructor(options: VisitsOptions) {
    this.#options = options;
  }

  /**
   * Throws NotFound, always the same, for a key that opens nothing: one that never was, that was revoked, whose owner or entry is gone; Expired for one whose time is
   * over; Unauthenticated where the password is to be proven first; RateLimited for an address that has tried too many keys.
   */
  async open(caller: ShareCaller): Promise<Visit> {
    const visit = await this.find(caller);
    if (this.isProven(visit)) return visit;
    throw unproven();
  }

  /** As open, and the password need not be proven: nothing of the share may be told but that it has one. */
  find(caller: ShareCaller): Promise<Visit> {
    const { rateLimits } = this.#options;
    return rateLimits.guess(`share/${caller.key}`, caller.address, () => this.#find(caller), isUnknown);
  }

  isProven({ share, caller }: Visit): boolean {
    return this.#options.passwords.isProven(share, caller.proof);
  }

  /** Throws as open and as `SharePasswords.unlock`. */
  async unlock(caller: ShareCaller, password: string): Promise<ShareProof> {
    const { share } = await this.find(caller);
    return this.#options.passwords.unlock(share, password, caller.address);
  }

  /** What is shared, or something in it; throws NotFound for anything else, and for what has left it meanwhile. */
  async entry({ share, root }: Visit, entryId: string | undefined): Promise<Entry> {
    if (entryId === undefined || entryId === root.id) return root;
    const lineage = await this.#options.tree.lineage(share.userId, entryId);
    const [entry] = lineage;
    if (entry !== undefined && lineage.some(({ id }) => id === root.id)) return entry;
    const shown = entryId.slice(0, 40);
    throw new OsproxyError('NotFound', `There is no entry ${shown}.`, { details: { id: shown } });
  }

  /** Throws as open when the share does not open any more what it opened when the visit began. */
  async again({ share, caller, root }: Visit): Promise<void> {
    const now = await this.#find(caller);
    if (now.share.id === share.id && now.root.id === root.id && this.isProven(now)) return;
    throw noShare();
  }

  /** The share as it is in this transaction, kept from changing; throws as open when what let the visitor in is not so any more. */
  async lock({ shares, users }: MetadataWriter, { share }: Visit): Promise<Share> {
    const [owner, current] = [await users.find(share.userId), await shares.lock(share.id)];
    if (owner?.state !== 'active' || current?.entryId !== share.entryId) throw noShare();
    refuseOver(current, this.#options.clock.now());
    if (current.passwordEpoch !== share.passwordEpoch) throw unproven();
    return current;
  }

  async #find(caller: ShareCaller): Promise<Visit> {
    const { metadata, tree, clock, enabled } = this.#options;
    const hash = hashOfShareKey(caller.key);
    const share = hash === undefined || !enabled ? undefined : await metadata.shares.findByKey(hash);
    if (share === undefined) throw noShare(true);
    const [owner, root] = await Promise.all([
      metadata.users.find(share.userId),
      tree.find(share.userId, share.entryId).catch(noneIfAbsent),
    ]);
    if (owner?.state !== 'active' || root === undefined) throw noShare();
    refuseOver(share, clock.now());
    return { share, root, caller };
  }
}

const UNKNOWN = new WeakSet<OsproxyError>();

/** What a key that opens nothing is answered with, whatever the reason. */
function noShare(unknown = false): OsproxyError {
  const error = new OsproxyError('NotFound', 'There is no such share.');
  if (unknown) UNKNOWN.add(error);
  return error;
}

function unproven(): OsproxyError {
  return new OsproxyError('Unauthenticated', 'This share is open to those who know its password.');
}

function refuseOver({ expiresAt }: Share, now: number): void {
  if (expiresAt === undefined || expiresAt > now) return;
  throw new OsproxyError('Expired', 'The time of this share is over; ask for a new one.');
}

/** Only a key that is nowhere is a guess; one whose owner is away is not. */
function isUnknown(error: unknown): boolean {
  return error instanceof OsproxyError && UNKNOWN.has(error);
}

function noneIfAbsent(error: unknown): undefined {
  if (isOsproxyError(error, 'NotFound')) return undefined;
  throw error;
}
