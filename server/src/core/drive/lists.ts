import type { Entry } from '../model/entry.ts';
import type { TimePlace } from '../ports/metadata/entries.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { DriveTree } from './tree.ts';

const PAGE = 200;
/** Pages that are looked through for entries that are there, before a short answer is given. */
const MOST_PAGES = 10;

export interface TimePage {
  readonly entries: readonly Entry[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: TimePlace | undefined;
}

/** Lists across a person's folders; what is in the trash, or in a folder that is, is left out. */
export class DriveLists {
  readonly #metadata: Metadata;
  readonly #tree: DriveTree;

  constructor(metadata: Metadata, tree: DriveTree) {
    this.#metadata = metadata;
    this.#tree = tree;
  }

  /** Files by the time of their content, the last first. A page can be short, or empty, and not the last. */
  recent(userId: string, after: TimePlace | undefined, limit: number): Promise<TimePage> {
    const { entries } = this.#metadata;
    return this.#live(userId, after, limit, {
      list: (from) => entries.recent(userId, from, PAGE),
      at: ({ modifiedAt }) => modifiedAt,
    });
  }

  /** What has a star, the last one first. A page can be short, or empty, and not the last. */
  starred(userId: string, after: TimePlace | undefined, limit: number): Promise<TimePage> {
    const { entries } = this.#metadata;
    return this.#live(userId, after, limit, {
      list: (from) => entries.starred(userId, from, PAGE),
      at: ({ starredAt = 0 }) => starredAt,
    });
  }

  async #live(
    userId: string,
    after: TimePlace | undefined,
    limit: number,
    by: {
      readonly list: (after: TimePlace | undefined) => Promise<readonly Entry[]>;
      readonly at: (entry: Entry) => number;
    },
  ): Promise<TimePage> {
    const found: Entry[] = [];
    const placeOf = (entry: Entry): TimePlace => ({ at: by.at(entry), id: entry.id });
    let next = after;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const page = await by.list(next);
      const live = await this.#tree.locate(
        userId,
        page.map(({ id }) => id),
      );
      for (const entry of page) {
        if (!live.has(entry.id)) continue;
        if (found.length === limit) return { entries: found, next: placeOf(found[limit - 1] as Entry) };
        found.push(entry);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return { entries: found, next: undefined };
      next = placeOf(last);
    }
    return { entries: found, next };
  }
}
