import { parseArgs } from 'node:util';

/** Whole numbers from `--name value`, each with its default; says what there is and ends for anything else. */
export function numbers<K extends string>(defaults: Record<K, number>): Record<K, number> {
  const names = Object.keys(defaults) as K[];
  const usage = names.map((name) => `[--${name} ${defaults[name]}]`).join(' ');
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
    const { values } = parseArgs({ options, strict: true });
    const read = names.map((name) => {
      const text = values[name];
      const value = text === undefined ? defaults[name] : Number(text);
      if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} needs a whole number above 0`);
      return [name, value];
    });
    return Object.fromEntries(read) as Record<K, number>;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\narguments: ${usage}`);
    process.exit(0);
  }
}
