import { createHash } from 'node:crypto';
import { OsproxyError } from '../errors.ts';
import type { Share } from '../model/share.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import { networkOf } from '../rate-limits.ts';
import type { ShareCaller, Visit } from './share-visits.ts';

/** What is fetched, and by whom as far as that can be told. */
export interface Fetched {
  /** What tells contents apart. */
  readonly content: string;
  readonly userAgent: string | undefined;
  /** A request for ranges: one of many that may make up a download. */
  readonly ranged: boolean;
}

/** Counts downloads, and refuses those beyond a share's limit. */
export class ShareDownloads {
  readonly #metadata: Metadata;
  readonly #clock: Clock;
  readonly #windowMs: number;

  constructor(options: { metadata: Metadata; clock: Clock; windowMs: number }) {
    this.#metadata = options.metadata;
    this.#clock = options.clock;
    this.#windowMs = options.windowMs;
  }

  /**
   * Throws Expired where the limit is reached and `count` would not let this pass: for what takes work before it can be counted, and what is shown of a file without
   * being a download.
   */
  async refuseUsedUp({ share, caller }: Visit, fetched: Fetched): Promise<void> {
    const { downloads, maxDownloads } = share;
    if (maxDownloads === undefined || downloads < maxDownloads) return;
    if (fetched.ranged && (await this.#isOpen(share, visitorOf(caller, fetched)))) return;
    throw usedUp();
  }

  /**
   * To be called before the first byte of a GET. A request for the whole counts one; a request for ranges counts one unless the same visitor (network and
   * User-Agent) has one of the same content counted within the window before. Throws Expired beyond the limit, also where many come at once.
   */
  async count({ share, caller }: Visit, fetched: Fetched): Promise<void> {
    const { ranged } = fetched;
    const now = this.#clock.now();
    const visitor = visitorOf(caller, fetched);
    if (ranged && (await this.#isOpen(share, visitor))) return;
    const counted = await this.#metadata.transaction(async ({ shares }) => {
      const current = await shares.lock(share.id);
      if (current === undefined) return false;
      if (ranged && isOpenAt(now)(await shares.visit(share.id, visitor))) return true;
      const { downloads, maxDownloads } = current;
      if (maxDownloads !== undefined && downloads >= maxDownloads) return false;
      await shares.update({ ...current, downloads: downloads + 1, lastUsedAt: now });
      await shares.putVisit(share.id, visitor, now + this.#windowMs);
      return true;
    });
    if (!counted) throw usedUp();
  }

  async #isOpen(share: Share, visitor: string): Promise<boolean> {
    return isOpenAt(this.#clock.now())(await this.#metadata.shares.visit(share.id, visitor));
  }
}

function visitorOf({ address }: ShareCaller, { userAgent = '', content }: Fetched): string {
  return createHash('sha256')
    .update(JSON.stringify([networkOf(address), userAgent, content]))
    .digest('hex');
}

function usedUp(): OsproxyError {
  return new OsproxyError('Expired', 'This share has been downloaded as often as it may be.');
}

function isOpenAt(now: number): (until: number | undefined) => boolean {
  return (until) => until !== undefined && until > now;
}
