import { createHash } from 'node:crypto';
import { OsproxyError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import { networkOf } from '../rate-limits.ts';
import type { Visit } from './share-visits.ts';

/** What is fetched, and by whom as far as that can be told. */
export interface Fetched {
  /** What tells contents apart, such as an entity tag. */
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

  /** Throws Expired where the limit is reached: for what takes work before it can be counted. */
  refuseUsedUp({ share: { downloads, maxDownloads } }: Visit): void {
    if (maxDownloads !== undefined && downloads >= maxDownloads) throw usedUp();
  }

  /**
   * To be called before the first byte of a GET. A request for the whole counts one; a request for ranges counts one unless the same visitor (network and
   * User-Agent) has one of the same content counted within the window before. Throws Expired beyond the limit, also where many come at once.
   */
  async count({ share, caller }: Visit, { content, userAgent = '', ranged }: Fetched): Promise<void> {
    const now = this.#clock.now();
    const visitor = createHash('sha256')
      .update(JSON.stringify([networkOf(caller.address), userAgent, content]))
      .digest('hex');
    if (ranged && (await this.#metadata.shares.visit(share.id, visitor).then(isOpenAt(now)))) return;
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
}

function usedUp(): OsproxyError {
  return new OsproxyError('Expired', 'This share has been downloaded as often as it may be.');
}

function isOpenAt(now: number): (until: number | undefined) => boolean {
  return (until) => until !== undefined && until > now;
}
