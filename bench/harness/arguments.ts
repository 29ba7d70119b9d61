import { parseArgs } from 'node:util';

/** Whole numbers from `--name value`, each with its default; says what there is and ends for anything else. */
export function numbers<K extends string>(defaults: Record<K, number>): Record<K, number> {
  return numbersAndWords(defaults, {}).numbers;
}

/** The same, and lists of words separated by commas, each with its default and all it may have. */
export function numbersAndWords<K extends string, W extends string>(
  defaults: Record<K, number>,
  words: Record<W, { readonly standard: readonly string[]; readonly all: readonly string[] }>,
): { numbers: Record<K, number>; words: Record<W, readonly string[]> } {
  const names = Object.keys(defaults) as K[];
  const lists = Object.keys(words) as W[];
  const usage = [
    ...names.map((name) => `[--${name} ${defaults[name]}]`),
    ...lists.map((name) => `[--${name} ${words[name].standard.join(',')}]`),
  ].join(' ');
  try {
    const options = Object.fromEntries(
      [...names, ...lists].map((name) => [name, { type: 'string' as const }]),
    );
    const { values } = parseArgs({ options, strict: true });
    const read = names.map((name) => {
      const text = values[name];
      const value = text === undefined ? defaults[name] : Number(text);
      if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} needs a whole number above 0`);
      return [name, value];
    });
    const chosen = lists.map((name) => {
      const { standard, all } = words[name];
      const list = values[name]?.split(',') ?? standard;
      const unknown = list.find((word) => !all.includes(word));
      if (unknown !== undefined) throw new Error(`--${name} knows ${all.join(', ')}, not "${unknown}"`);
      return [name, list];
    });
    return { numbers: Object.fromEntries(read), words: Object.fromEntries(chosen) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\narguments: ${usage}`);
    process.exit(0);
  }
}
