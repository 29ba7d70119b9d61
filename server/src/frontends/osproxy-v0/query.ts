import { OsproxyError } from '#core/errors.ts';
import { parseUid, type Uid } from '#core/model/uid.ts';

/** A parsed query string: text, or a list where a parameter was given more than once. */
export type Query = Readonly<Record<string, unknown>>;

const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;

/** Throws InvalidArgument naming the parameter unless it was given once and is not empty. */
export function textOf(query: Query, field: string): string {
  const value = query[field];
  if (typeof value === 'string' && value !== '') return value;
  if (value === undefined) throw invalid(field, 'is missing');
  throw invalid(field, Array.isArray(value) ? 'must be given once' : 'must not be empty');
}

export function uidOf(query: Query): Uid {
  return parseUid(textOf(query, 'uid'));
}

/** A decimal number without sign, fraction or leading zeros; at most 2^53 - 1. */
export function integerOf(query: Query, field: string, min: number, max: number): number {
  const value = textOf(query, field);
  const number = DECIMAL.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalid(field, `must be a whole number from ${min} to ${max}`);
}

export function invalid(field: string, wish: string): OsproxyError {
  return new OsproxyError('InvalidArgument', `Query parameter "${field}" ${wish}.`, { details: { field } });
}

/** For schemas that only document a query which the route reads itself. */
export const documentedOnly = () => () => true;
