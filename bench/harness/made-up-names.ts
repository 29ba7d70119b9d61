/** Words that every collection has; others are made up. */
const COMMON = [
  'report',
  'invoice',
  'photo',
  'holiday',
  'meeting',
  'notes',
  'budget',
  'draft',
  'contract',
  'plan',
];
const EXTENSIONS = ['.pdf', '.jpg', '.docx', '.txt', '.xlsx', '.png', '.mp4', '.zip'];
const CONSONANTS = 'bcdfghjklmnprstvwz';
const VOWELS = 'aeiou';
const HAN_FIRST = 0x4e00;
const HAN_KNOWN = 3000;

/** Numbers from 0 to below 1 that are the same in each run. */
export function repeatable(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** File names as people have them: pictures of cameras, names in Chinese, words with dates; few words are in many names, many in few. */
export function* madeUpNames(count: number): Generator<string> {
  const random = repeatable(42);
  const below = (most: number) => Math.floor(random() * most);
  const rare = (most: number) =>
    Math.min(most - 1, Math.floor(Math.exp(random() * Math.log(most)) - 1 + random()));
  const of = (list: readonly string[] | string) => list[below(list.length)] ?? '';
  const often = (list: readonly string[]) => list[rare(list.length)] ?? '';
  const syllable = () => of(CONSONANTS) + of(VOWELS) + (random() < 0.3 ? of(CONSONANTS) : '');
  const words = [
    ...COMMON,
    ...Array.from({ length: 5000 }, () => Array.from({ length: 2 + below(3) }, syllable).join('')),
  ];
  const han = (length: number) =>
    String.fromCodePoint(...Array.from({ length }, () => HAN_FIRST + 3 * rare(HAN_KNOWN)));
  const two = (most: number) => String(1 + below(most)).padStart(2, '0');
  for (let made = 0; made < count; made += 1) {
    const kind = random();
    const extension = often(EXTENSIONS);
    const year = 2000 + below(26);
    if (kind < 0.25) yield `IMG_${year}${two(12)}${two(28)}_${below(1e6)}${extension}`;
    else if (kind < 0.5)
      yield `${han(2 + below(6))}${random() < 0.5 ? `_${year}年${two(12)}月` : ''}${extension}`;
    else {
      const some = Array.from({ length: 1 + below(4) }, () => often(words));
      const when = random() < 0.5 ? `${year}-${two(12)}-${two(28)}` : String(below(1000));
      yield `${some.join(random() < 0.5 ? ' ' : '-')} ${when}${extension}`;
    }
  }
}
