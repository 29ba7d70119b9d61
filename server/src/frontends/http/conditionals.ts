import type { IncomingHttpHeaders } from 'node:http';

export interface Validators {
  /** A strong entity tag with its quotes. */
  readonly etag: string;
  /** Milliseconds since the epoch; compared in whole seconds, as HTTP does. */
  readonly modifiedAt: number;
}

export type Verdict = 'proceed' | 'not-modified' | 'precondition-failed';

/** Evaluates the preconditions of GET and HEAD in the order of RFC 9110 §13.2.2; If-Range is separate. */
export function evaluateConditions(headers: IncomingHttpHeaders, validators: Validators): Verdict {
  const modified = wholeSeconds(validators.modifiedAt);
  const ifMatch = headers['if-match'];
  const ifUnmodifiedSince = headers['if-unmodified-since'];
  if (ifMatch !== undefined) {
    // §13.1.1: the strong comparison.
    if (!listContains(ifMatch, validators.etag, 'strong')) return 'precondition-failed';
  } else if (ifUnmodifiedSince !== undefined) {
    const date = parseHttpDate(ifUnmodifiedSince);
    if (date !== undefined && modified > date) return 'precondition-failed';
  }
  const ifNoneMatch = headers['if-none-match'];
  const ifModifiedSince = headers['if-modified-since'];
  if (ifNoneMatch !== undefined) {
    // §13.1.2: the weak comparison.
    if (listContains(ifNoneMatch, validators.etag, 'weak')) return 'not-modified';
  } else if (ifModifiedSince !== undefined) {
    const date = parseHttpDate(ifModifiedSince);
    if (date !== undefined && modified <= date) return 'not-modified';
  }
  return 'proceed';
}

/** True when Range may be honoured: no If-Range, or one that names exactly this content (§13.1.5). `now` in milliseconds. */
export function rangeStillApplies(
  headers: IncomingHttpHeaders,
  validators: Validators,
  now: number,
): boolean {
  const ifRange = headers['if-range'];
  if (typeof ifRange !== 'string') return ifRange === undefined;
  const value = ifRange.trim();
  if (value.startsWith('"')) return value === validators.etag;
  if (value.startsWith('W/')) return false;
  const modified = wholeSeconds(validators.modifiedAt);
  // §8.8.2.2: a date is a strong validator only when the content had not changed again within its second.
  return parseHttpDate(value) === modified && now - modified >= 1000;
}

const ENTITY_TAGS = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g;

function listContains(header: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true;
  for (const [, weak, tag] of header.matchAll(ENTITY_TAGS)) {
    if (tag === etag && (weak === undefined || comparison === 'weak')) return true;
  }
  return false;
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const IMF_FIXDATE = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/** Milliseconds of an HTTP-date in any of the three forms of RFC 9110 §5.6.7; undefined for anything else. */
export function parseHttpDate(text: string): number | undefined {
  const imf = IMF_FIXDATE.exec(text);
  if (imf !== null) return toTime(imf[3], imf[2], imf[1], imf.slice(4));
  const rfc850 = RFC_850.exec(text);
  if (rfc850 !== null) return toTime(fullYear(Number(rfc850[3])), rfc850[2], rfc850[1], rfc850.slice(4));
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) return toTime(asctime[6], asctime[1], asctime[2], asctime.slice(3, 6));
  return undefined;
}

/** §5.6.7: a two-digit year more than 50 years ahead is in the past. */
function fullYear(short: number): number {
  const now = new Date().getUTCFullYear();
  const year = now - (now % 100) + short;
  return year > now + 50 ? year - 100 : year;
}

function toTime(
  year: string | number | undefined,
  monthName: string | undefined,
  day: string | undefined,
  clock: readonly (string | undefined)[],
): number | undefined {
  const month = MONTHS.indexOf(monthName ?? '');
  const [hour, minute, second] = clock.map(Number);
  const date = Number(day);
  if (month === -1 || hour === undefined || minute === undefined || second === undefined) return undefined;
  // 60 is a leap second.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const time = Date.UTC(Number(year), month, date, hour, minute, Math.min(second, 59));
  return new Date(time).getUTCDate() === date ? time : undefined;
}
