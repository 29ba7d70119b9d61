import type { ByteRange } from '#core/ports/storage-driver.ts';

/** More ranges than this, after overlapping ones are joined, are answered with the whole. */
export const MAX_RANGES = 16;

export type RangeSelection =
  /** No range, one that is not understood, or too many: answer with the whole. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'single'; readonly range: ByteRange }
  /** Two to sixteen ranges in ascending order, none touching another. */
  | { readonly kind: 'several'; readonly ranges: readonly ByteRange[] }
  | { readonly kind: 'unsatisfiable' };

const WHOLE: RangeSelection = { kind: 'whole' };
const UNSATISFIABLE: RangeSelection = { kind: 'unsatisfiable' };

/**
 * Reads a Range header for a content of `size` bytes (RFC 9110 §14). Of invalid ones §14.2 leaves the choice: what is no range at all is
 * ignored, and one that ends before it begins cannot be satisfied (§15.5.17), so that a client with a wrong sum is not sent the whole.
 */
export function selectRanges(header: string | undefined, size: number): RangeSelection {
  if (header === undefined) return WHOLE;
  const equals = header.indexOf('=');
  if (equals === -1 || header.slice(0, equals).trim().toLowerCase() !== 'bytes') return WHOLE;
  const asked: ByteRange[] = [];
  let specs = 0;
  let isBackwards = false;
  for (const item of header.slice(equals + 1).split(',')) {
    const spec = item.trim();
    if (spec === '') continue;
    const range = readSpec(spec, size);
    if (range === 'invalid') return WHOLE;
    specs += 1;
    if (range === 'backwards') isBackwards = true;
    else if (range !== undefined) asked.push(range);
  }
  if (specs === 0) return WHOLE;
  if (isBackwards) return UNSATISFIABLE;
  const ranges = coalesce(asked);
  const [first] = ranges;
  if (first === undefined) return UNSATISFIABLE;
  if (ranges.length === 1) return { kind: 'single', range: first };
  return ranges.length > MAX_RANGES ? WHOLE : { kind: 'several', ranges };
}

/** `bytes 0-99/1234`. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.offset}-${range.offset + range.length - 1}/${size}`;
}

/** undefined: valid but outside of the content. */
function readSpec(spec: string, size: number): ByteRange | undefined | 'backwards' | 'invalid' {
  const match = /^(\d*)-(\d*)$/.exec(spec);
  const [, first, last] = match ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return 'invalid';
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? undefined : { offset: size - length, length };
  }
  const from = Number(first);
  const to = last === '' ? Number.POSITIVE_INFINITY : Number(last);
  if (isBelow(last, first)) return 'backwards';
  if (from >= size) return undefined;
  return { offset: from, length: Math.min(to, size - 1) - from + 1 };
}

/** Compares as integers of any length; an empty last position is open. */
function isBelow(last: string, first: string): boolean {
  return last !== '' && BigInt(last) < BigInt(first);
}

/** RFC 9110 §15.3.7.2: ranges that overlap or touch are joined. */
function coalesce(ranges: readonly ByteRange[]): readonly ByteRange[] {
  if (ranges.length < 2) return ranges;
  const joined: ByteRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.offset - b.offset)) {
    const last = joined.at(-1);
    if (last === undefined || range.offset > last.offset + last.length) {
      joined.push(range);
      continue;
    }
    const end = Math.max(last.offset + last.length, range.offset + range.length);
    joined[joined.length - 1] = { offset: last.offset, length: end - last.offset };
  }
  return joined;
}
