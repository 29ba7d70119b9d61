import { OsproxyError } from '#core/errors.ts';
import type { Int } from './columns.ts';

/** An id of the domain (decimal string) as the database takes it. */
export function toId(id: string): bigint {
  try {
    return BigInt(id);
  } catch (cause) {
    throw new OsproxyError('InvalidArgument', `"${id}" is not a decimal id.`, { cause });
  }
}

export function fromId(value: Int): string {
  return String(value);
}

export function toNumber(value: Int): number {
  return Number(value);
}

export function optionalNumber(value: Int | null): number | undefined {
  return value === null ? undefined : Number(value);
}

export function optionalText(value: string | null): string | undefined {
  return value ?? undefined;
}

/** At most this many values go into one IN list. */
const LIST_LIMIT = 1000;

/**
 * The values for an IN list, padded with the last one to a power of two, so that lists of many lengths share few prepared statements.
 * Callers never pass an empty list.
 */
export function listOf<T>(values: readonly T[]): T[] {
  const padded = [...values];
  const last = padded.at(-1);
  if (last === undefined) return padded;
  const length = 2 ** Math.ceil(Math.log2(padded.length));
  while (padded.length < length) padded.push(last);
  return padded;
}

/** The values in runs that fit an IN list. */
export function* chunks<T>(values: readonly T[]): Generator<T[]> {
  for (let start = 0; start < values.length; start += LIST_LIMIT) {
    yield listOf(values.slice(start, start + LIST_LIMIT));
  }
}

/** Throws InvalidArgument when a caller passes more values than a query promises to take. */
export function refuseLongList(values: readonly unknown[], what: string): void {
  if (values.length <= LIST_LIMIT) return;
  throw new OsproxyError('InvalidArgument', `At most ${LIST_LIMIT} ${what} at once, got ${values.length}.`);
}
