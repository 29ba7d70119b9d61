import { nameKeyOf } from '../drive/entry-names.ts';
import type { DriveTree } from '../drive/tree.ts';
import { OsproxyError } from '../errors.ts';
import type { Entry, EntryKind } from '../model/entry.ts';
import type { PersonPrincipal } from '../model/principal.ts';
import type { Metadata } from '../ports/metadata.ts';
import { type NameQuery, nameQueryOf, PLACES, type Place, placeIn, tokensOfQuery } from './name-tokens.ts';

/** Characters of what is looked for. */
const LONGEST_QUERY = 255;
/** Candidates asked for at first. */
const FIRST_CANDIDATES = 300;
/** Candidates looked at together. */
const AT_ONCE = 1000;
/** Matches whose places are asked for together, however few a page holds: the filters may let none of them through. */
const LOCATED_AT_ONCE = 100;
/** Candidates that one page looks at; a page that ends with them is short, and the next goes on behind. */
const MOST_LOOKED_AT = 5000;

/** Where a page ends: everything of better places, and of this place what has a higher id. */
export interface SearchPlace {
  readonly place: Place;
  readonly id: string;
}

export interface SearchQuery {
  readonly text: string;
  readonly kind?: EntryKind | undefined;
  /** Only what is in this folder, at any depth; "root" is the root folder. */
  readonly within?: string | undefined;
  /** Only what has changed since then. */
  readonly changedAfter?: number | undefined;
  readonly after?: SearchPlace | undefined;
  /** 1 to 200. */
  readonly limit: number;
}

export interface Found {
  readonly entry: Entry;
  /** The folders above it, the root first. */
  readonly above: readonly Entry[];
}

export interface SearchPage {
  readonly found: readonly Found[];
  /** Where the next page begins; undefined where there is none. */
  readonly next: SearchPlace | undefined;
}

interface SearchParts {
  readonly metadata: Metadata;
  readonly tree: Pick<DriveTree, 'locate' | 'findFolder'>;
}

/**
 * Looks for entries of one person by name. Best first: the name itself, names that begin with it, then those with a word that does, then all others; of one kind
 * the newest entry first. What is in the trash is never found, nor what is in a folder there.
 */
export class NameSearch {
  readonly #parts: SearchParts;

  constructor(parts: SearchParts) {
    this.#parts = parts;
  }

  /** Throws InvalidArgument for a text without a character to look for, or one too long; NotFound for a folder that is not there. */
  async search({ userId }: PersonPrincipal, wanted: SearchQuery): Promise<SearchPage> {
    const query = nameQueryOf(checkText(wanted.text));
    const { within, changedAfter } = wanted;
    if (Number.isNaN(changedAfter)) throw bad('changedAfter', 'is no time.');
    const folder = within === undefined ? undefined : await this.#parts.tree.findFolder(userId, within);
    const looking = new Looking(this.#parts, userId, query, { ...wanted, within: folder?.id });
    const few = await looking.candidates('anywhere', undefined);
    if (few.length < FIRST_CANDIDATES) return looking.best(few);
    return looking.placeByPlace();
  }
}

function checkText(text: string): string {
  if ([...text].length > LONGEST_QUERY) throw bad('q', `has more than ${LONGEST_QUERY} characters.`);
  const key = nameKeyOf(text).trim();
  if (key === '') throw bad('q', 'must have a character to look for.');
  return key;
}

function bad(field: string, wish: string): OsproxyError {
  return new OsproxyError('InvalidArgument', `${field} ${wish}`, { details: { field } });
}

interface Match {
  readonly entry: Entry;
  readonly place: Place;
}

/** One search for one page. */
class Looking {
  readonly #parts: SearchParts;
  readonly #userId: string;
  readonly #query: NameQuery;
  readonly #wanted: SearchQuery;
  readonly #found: Found[] = [];
  #last: SearchPlace | undefined;

  constructor(parts: SearchParts, userId: string, query: NameQuery, wanted: SearchQuery) {
    this.#parts = parts;
    this.#userId = userId;
    this.#query = query;
    this.#wanted = wanted;
  }

  candidates(place: Place, before: string | undefined, limit = FIRST_CANDIDATES): Promise<readonly string[]> {
    const tokens = tokensOfQuery(this.#userId, this.#query, place);
    return this.#parts.metadata.names.candidates({ userId: this.#userId, tokens, before, limit });
  }

  /** The page from all candidates there are. */
  async best(ids: readonly string[]): Promise<SearchPage> {
    const { after } = this.#wanted;
    const matches = (await this.#matches(ids)).filter((one) => after === undefined || isBehind(one, after));
    const isFull = await this.#take(matches.sort(inOrder));
    return this.#page(isFull);
  }

  /**
   * The page from one place after the other, each from its newest candidate down: some of them, and where these do not fill the page all that it may look at. A
   * database that gathers all that there are before it knows the newest does so twice for a place then, not for each of many small steps.
   */
  async placeByPlace(): Promise<SearchPage> {
    const { after } = this.#wanted;
    let looked = 0;
    for (const place of PLACES.slice(after === undefined ? 0 : PLACES.indexOf(after.place))) {
      let before = after?.place === place ? after.id : undefined;
      for (let limit = FIRST_CANDIDATES; ; limit = MOST_LOOKED_AT - looked) {
        const ids = await this.candidates(place, before, limit);
        if (await this.#takeFrom(ids, place)) return this.#page(true);
        if (ids.length < limit) break;
        looked += ids.length;
        before = ids.at(-1);
        if (before === undefined || looked < MOST_LOOKED_AT) continue;
        this.#last = { place, id: before };
        return this.#page(true);
      }
    }
    return this.#page(false);
  }

  /** True when the page is full before the last of them. */
  async #takeFrom(ids: readonly string[], place: Place): Promise<boolean> {
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const matches = await this.#matches(ids.slice(start, start + AT_ONCE));
      if (await this.#take(matches.filter((one) => one.place === place).sort(inOrder))) return true;
    }
    return false;
  }

  /** Those whose name is what is looked for, and that the filters let through. */
  async #matches(ids: readonly string[]): Promise<Match[]> {
    const { kind, changedAfter } = this.#wanted;
    const entries = await this.#parts.metadata.entries.findMany(ids);
    return entries.flatMap((entry) => {
      if (entry.userId !== this.#userId || entry.liveParentId === undefined) return [];
      if (kind !== undefined && entry.kind !== kind) return [];
      if (changedAfter !== undefined && entry.updatedAt <= changedAfter) return [];
      const place = placeIn(entry.nameKey, this.#query);
      return place === undefined ? [] : [{ entry, place }];
    });
  }

  /** True when the page is full before the last of them. */
  async #take(matches: readonly Match[]): Promise<boolean> {
    const { limit, within } = this.#wanted;
    const step = Math.max(limit, LOCATED_AT_ONCE);
    for (let start = 0; start < matches.length; start += step) {
      const some = matches.slice(start, start + step);
      const ids = some.map(({ entry }) => entry.id);
      const located = await this.#parts.tree.locate(this.#userId, ids);
      for (const { entry, place } of some) {
        if (this.#found.length === limit) return true;
        this.#last = { place, id: entry.id };
        const above = located.get(entry.id)?.slice(1).toReversed();
        if (above === undefined) continue;
        if (within !== undefined && !above.some(({ id }) => id === within)) continue;
        this.#found.push({ entry, above });
      }
    }
    return false;
  }

  #page(goesOn: boolean): SearchPage {
    return { found: this.#found, next: goesOn ? this.#last : undefined };
  }
}

function inOrder(a: Match, b: Match): number {
  const places = PLACES.indexOf(a.place) - PLACES.indexOf(b.place);
  if (places !== 0) return places;
  return BigInt(a.entry.id) > BigInt(b.entry.id) ? -1 : 1;
}

function isBehind({ entry, place }: Match, after: SearchPlace): boolean {
  const places = PLACES.indexOf(place) - PLACES.indexOf(after.place);
  return places > 0 || (places === 0 && BigInt(entry.id) < BigInt(after.id));
}
