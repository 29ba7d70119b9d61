import type { ColumnTypes } from './column-types.ts';

/** The kinds of text that tables have: any text, names, words of this program, digests in hex. */
export function textTypes({ text, short }: ColumnTypes) {
  return { TEXT: text, NAME: short(255), WORD: short(32), HEX: short(64) };
}
