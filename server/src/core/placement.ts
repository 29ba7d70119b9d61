import { categoryOf } from './categories.ts';
import { OsproxyError } from './errors.ts';
import type { FileMatch } from './model/move.ts';
import { extensionOf } from './names.ts';

/** What is known of a file when its store is chosen. */
export interface FileFacts {
  readonly name: string;
  readonly owner: string;
  /** Bytes, where they are known. */
  readonly size: number | undefined;
  /** Id of the service key that sends it. */
  readonly keyId: string | undefined;
  /** Name of the group of the person who sends it. */
  readonly group?: string | undefined;
  /** What the key or the group says, before any rule. */
  readonly store?: string | undefined;
}

export interface PlacementRule {
  readonly match: FileMatch;
  readonly store: string;
  /** Store that a finished file is transferred to in the background. */
  readonly thenTransferTo?: string | undefined;
}

/** What a store takes; without a limit it takes everything. */
export interface StoreLimits {
  /** Bytes. */
  readonly maxFileSize?: number | undefined;
  /** Media types, a `*` standing for any type or subtype. */
  readonly allowedTypes?: readonly string[] | undefined;
}

/** Where new bytes go. */
export interface Destination {
  readonly store: string;
  readonly transferTo: string | undefined;
}

/** True when every condition holds; one about the size does not hold for an unknown size. */
export function matches(match: FileMatch, facts: FileFacts): boolean {
  const { category, extensions, minSize, maxSize, owner, key, group } = match;
  const extension = extensionOf(facts.name);
  if (category !== undefined && categoryOf(extension) !== category) return false;
  if (extensions !== undefined && !extensions.includes(extension)) return false;
  if (minSize !== undefined && (facts.size === undefined || facts.size < minSize)) return false;
  if (maxSize !== undefined && (facts.size === undefined || facts.size > maxSize)) return false;
  if (owner !== undefined && facts.owner !== owner) return false;
  if (group !== undefined && facts.group !== group) return false;
  return key === undefined || facts.keyId === key;
}

/** Chooses the store of new files by rules, and refuses what that store, or the one they go on to, does not take. */
export class PlacementPolicy {
  readonly #rules: readonly PlacementRule[];
  readonly #defaultStore: string;
  readonly #limits: ReadonlyMap<string, StoreLimits>;
  readonly #stores: readonly string[];

  constructor(options: {
    readonly rules: readonly PlacementRule[];
    readonly defaultStore: string;
    readonly limits: ReadonlyMap<string, StoreLimits>;
    /** Names of the configured stores. */
    readonly stores: readonly string[];
  }) {
    this.#rules = options.rules;
    this.#defaultStore = options.defaultStore;
    this.#limits = options.limits;
    this.#stores = options.stores;
  }

  /**
   * What the key or the group says, else the first rule that matches; none leaves the file in the default store. Throws Conflict where key or group name a
   * store that there is not any more.
   */
  choose(facts: FileFacts): Destination {
    if (facts.store !== undefined) {
      if (!this.#stores.includes(facts.store)) throw storeIsGone();
      return { store: facts.store, transferTo: undefined };
    }
    const rule = this.#rules.find(({ match }) => matches(match, facts));
    if (rule === undefined) return { store: this.#defaultStore, transferTo: undefined };
    return { store: rule.store, transferTo: rule.thenTransferTo };
  }

  /** Of an upload that chose before; what it chose stays, whatever the rules say now. */
  chosen(upload: {
    readonly store: string | undefined;
    readonly transferTo: string | undefined;
  }): Destination {
    return { store: upload.store ?? this.#defaultStore, transferTo: upload.transferTo };
  }

  limitsOf(store: string): StoreLimits {
    return this.#limits.get(store) ?? {};
  }

  /** Bytes that a file may have there; undefined where there is no limit. */
  maxFileSize(destination: Destination): number | undefined {
    const limits = this.#limitsAt(destination).map(
      ({ maxFileSize }) => maxFileSize ?? Number.POSITIVE_INFINITY,
    );
    const least = Math.min(...limits);
    return least === Number.POSITIVE_INFINITY ? undefined : least;
  }

  /** Throws TooLarge; an unknown size passes. */
  checkSize(destination: Destination, size: number | undefined): void {
    const limit = this.maxFileSize(destination);
    if (size !== undefined && limit !== undefined && size > limit) throw tooLarge(limit, size);
  }

  /** Throws Unsupported for a media type that is not taken. */
  checkType(destination: Destination, contentType: string): void {
    const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
    for (const { allowedTypes } of this.#limitsAt(destination)) {
      if (allowedTypes === undefined || allowedTypes.some((pattern) => fits(type, pattern))) continue;
      throw new OsproxyError(
        'Unsupported',
        `The content is of the type ${type}, which is not taken here; taken are ${allowedTypes.join(', ')}.`,
        { details: { contentType: type, allowed: allowedTypes } },
      );
    }
  }

  /** The same bytes; reading fails with TooLarge as soon as there are more than may be stored there. */
  capped(destination: Destination, input: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const limit = this.maxFileSize(destination);
    return limit === undefined ? input : capped(input, limit);
  }

  #limitsAt({ store, transferTo }: Destination): readonly StoreLimits[] {
    return [this.limitsOf(store), ...(transferTo === undefined ? [] : [this.limitsOf(transferTo)])];
  }
}

async function* capped(input: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of input) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge(limit, undefined);
    yield chunk;
  }
}

function fits(type: string, pattern: string): boolean {
  const [wantedMain, wantedSub] = pattern.toLowerCase().split('/');
  const [main, sub] = type.split('/');
  return (wantedMain === '*' || wantedMain === main) && (wantedSub === '*' || wantedSub === sub);
}

function storeIsGone(): OsproxyError {
  return new OsproxyError(
    'Conflict',
    'New files of yours go to a store that is not there any more; ask an administrator to choose another one for this key or group.',
  );
}

function tooLarge(limit: number, size: number | undefined): OsproxyError {
  const has = size === undefined ? 'has more' : `has ${size}`;
  return new OsproxyError(
    'TooLarge',
    `Files of this kind may have at most ${limit} bytes, and this one ${has}.`,
    { details: { limit, ...(size === undefined ? {} : { size }) } },
  );
}
