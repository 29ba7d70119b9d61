import { OsproxyError } from '../errors.ts';
import { USAGE_DIMENSIONS, type UsageDimension } from '../model/usage.ts';
import { dayOf } from './usage-totals.ts';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;

/** A day as people write it, such as 2026-03-01. */
export function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** Throws InvalidArgument for what is no day of the calendar. */
function parseDay(text: string, field: string): number {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(ms) && dayText(dayOf(ms)) === text) return dayOf(ms);
  throw new OsproxyError('InvalidArgument', `${field} is "${text}"; it must be a day such as 2026-03-01.`, {
    details: { field },
  });
}

/** What was asked for in words: the last thirty days by day, where nothing is said. Throws InvalidArgument. */
export function parseUsage(
  { from, to, by = 'day' }: { readonly from?: string; readonly to?: string; readonly by?: string },
  now: number,
): { readonly from: number; readonly to: number; readonly by: readonly UsageDimension[] } {
  const last = to === undefined ? dayOf(now) : parseDay(to, 'to');
  const first = from === undefined ? last - DEFAULT_DAYS + 1 : parseDay(from, 'from');
  const words = by === 'all' ? [] : by.split(',');
  const wrong = words.find((word) => !USAGE_DIMENSIONS.some((one) => one === word));
  if (wrong !== undefined || new Set(words).size < words.length) {
    const allowed = `all, or a list of ${USAGE_DIMENSIONS.join(', ')} without repetition`;
    throw new OsproxyError('InvalidArgument', `by is "${by}"; it must be ${allowed}.`, {
      details: { field: 'by' },
    });
  }
  return { from: first, to: last, by: words as UsageDimension[] };
}
