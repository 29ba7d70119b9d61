/** Marks in tokens: where a name begins and ends, and where a word in it begins. They are control characters, which no name has. */
const BEGIN = '\u0001';
const END = '\u0002';
const WORD = '\u0003';

/** Most tokens that one look-up combines; what they let through too much is told apart by the name itself. */
const MOST_TOKENS = 8;

/**
 * Numbers of 32 bits, with a sign, by which a name is found: one for each two characters that stand beside each other, and some for its begin, its end and the begins of
 * its words. They depend on the user, so that what others have costs a search nothing. Names of different users or pairs may share some by chance.
 */
export function tokensOfName(userId: string, nameKey: string): readonly number[] {
  const characters = [...nameKey];
  const [first = ''] = characters;
  const grams = new Set([BEGIN + first, BEGIN + characters.slice(0, 2).join(''), endOf(characters)]);
  characters.forEach((character, at) => {
    const pair = character + (characters[at + 1] ?? '');
    if (at + 1 < characters.length) grams.add(pair);
    if (beginsWord(characters[at - 1])) grams.add(WORD + pair);
  });
  return hashed(userId, [...grams]);
}

/** Where in a name the query is found, the best first. */
export const PLACES = ['whole', 'begin', 'word', 'anywhere'] as const;
export type Place = (typeof PLACES)[number];

/** What somebody looks for: all its words must be in the name, in any order; names that have it as it stands come first. */
export interface NameQuery {
  /** As names are compared. */
  readonly key: string;
  readonly words: readonly string[];
}

export function nameQueryOf(key: string): NameQuery {
  const words = key.split(/\s+/u).filter((word) => word !== '');
  const plain = words.join(' ');
  // Single characters are found beside each other only: by themselves they are in too many names.
  return { key: plain, words: words.every(isShort) ? [plain] : words };
}

/** Undefined where the name is not what is looked for. A query of one character is looked for at the begin only. */
export function placeIn(nameKey: string, { key, words }: NameQuery): Place | undefined {
  if (nameKey === key) return 'whole';
  if (nameKey.startsWith(key)) return 'begin';
  if (isShort(key)) return undefined;
  for (let at = nameKey.indexOf(key); at >= 0; at = nameKey.indexOf(key, at + 1)) {
    if (beginsWord([...nameKey.slice(0, at)].at(-1))) return 'word';
  }
  return words.every((word) => nameKey.includes(word)) ? 'anywhere' : undefined;
}

/** What all names have that have the query at this place. */
export function tokensOfQuery(userId: string, { key, words }: NameQuery, place: Place): readonly number[] {
  const characters = [...key];
  const begin = characters.slice(0, 2).join('');
  const marks: string[] = [];
  if (place === 'whole' || place === 'begin') marks.push(BEGIN + begin);
  if (place === 'whole') marks.push(endOf(characters));
  if (place === 'word') marks.push(WORD + begin);
  const grams = place === 'anywhere' ? words.flatMap((word) => pairs([...word])) : pairs(characters);
  if (place === 'anywhere' && grams.length === 0) marks.push(BEGIN + (characters[0] ?? ''));
  const most = MOST_TOKENS - marks.length;
  return hashed(userId, [...marks, ...spread([...new Set(grams)], most)]);
}

function isShort(key: string): boolean {
  return [...key].length < 2;
}

function pairs(characters: readonly string[]): string[] {
  return characters.slice(1).map((character, at) => (characters[at] ?? '') + character);
}

/** At most so many of them, from all over the list. */
function spread(grams: readonly string[], most: number): readonly string[] {
  if (grams.length <= most) return grams;
  return Array.from({ length: most }, (_, at) => grams[Math.floor((at * grams.length) / most)] ?? '');
}

function endOf(characters: readonly string[]): string {
  return characters.slice(-2).join('') + END;
}

/** True for the first character of a name and for one behind a space or a sign. */
function beginsWord(before: string | undefined): boolean {
  return before === undefined || !/[\p{L}\p{N}\p{M}]/u.test(before);
}

/** FNV-1a over the user and each of them, with the last steps of MurmurHash3, which spread what differs in few bits. */
function hashed(userId: string, grams: readonly string[]): readonly number[] {
  const begun = fnv(0x811c9dc5, `${userId} `);
  return grams.map((gram) => {
    let value = fnv(begun, gram);
    value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
    return (value ^ (value >>> 16)) | 0;
  });
}

function fnv(begun: number, text: string): number {
  let value = begun;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value;
}
