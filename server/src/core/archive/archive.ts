import type { FileBody } from '../downloads.ts';
import { OsproxyError } from '../errors.ts';

/** One member of an archive. A folder comes before what is in it. */
export interface ArchiveEntry {
  readonly id: string;
  /** The folder that it lies in; undefined at the top. */
  readonly parentId: string | undefined;
  readonly name: string;
  readonly kind: 'folder' | 'file';
  /** Bytes; 0 of a folder. */
  readonly size: number;
  readonly modifiedAt: number;
}

/** What is sent as one archive, counted beforehand and opened member by member. */
export interface Archive {
  /** Without a suffix. */
  readonly name: string;
  readonly owner: string;
  readonly entries: readonly ArchiveEntry[];
  /** Bytes of all files. */
  readonly bytes: number;
  /** All bytes of a file; rejects when it may not be read any more. */
  open(entry: ArchiveEntry, signal: AbortSignal): Promise<FileBody>;
  /** Gives back the place that `Archives` gave; safe to call twice. */
  close(): void;
}

export interface ArchiveLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Of one person or one share, in this process. */
  readonly atOnce: number;
}

const RETRY_SECONDS = 10;

/** Counts the archives that are under way, and keeps them within their limits. */
export class Archives {
  readonly #limits: ArchiveLimits;
  readonly #underWay = new Map<string, number>();

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
  }

  /**
   * Gathers what `entries` names. Throws RateLimited when `who` has as many under way as it may, TooLarge with the limit for more members or bytes
   * than an archive may have.
   */
  async gather(
    who: string,
    of: Pick<Archive, 'name' | 'owner' | 'open'>,
    entries: AsyncIterable<ArchiveEntry>,
  ): Promise<Archive> {
    const close = this.#begin(who);
    try {
      const gathered: ArchiveEntry[] = [];
      let bytes = 0;
      for await (const entry of entries) {
        gathered.push(entry);
        bytes += entry.size;
        this.#check(gathered.length, bytes);
      }
      return { ...of, entries: gathered, bytes, close };
    } catch (error) {
      close();
      throw error;
    }
  }

  #begin(who: string): () => void {
    const { atOnce } = this.#limits;
    const count = this.#underWay.get(who) ?? 0;
    if (count >= atOnce) {
      throw new OsproxyError(
        'RateLimited',
        `${atOnce} archives are being sent already; wait until one of them has ended.`,
        { details: { limit: atOnce }, retryAfterSeconds: RETRY_SECONDS },
      );
    }
    this.#underWay.set(who, count + 1);
    let closed = false;
    return () => {
      if (closed) return;
      closed = true;
      const left = (this.#underWay.get(who) ?? 1) - 1;
      if (left === 0) this.#underWay.delete(who);
      else this.#underWay.set(who, left);
    };
  }

  #check(count: number, bytes: number): void {
    const { maxEntries, maxBytes } = this.#limits;
    if (count > maxEntries) {
      throw new OsproxyError(
        'TooLarge',
        `An archive holds at most ${maxEntries} files and folders; choose fewer.`,
        { details: { maxEntries } },
      );
    }
    if (bytes > maxBytes) {
      throw new OsproxyError('TooLarge', `An archive holds at most ${maxBytes} bytes; choose fewer files.`, {
        details: { maxBytes },
      });
    }
  }
}
