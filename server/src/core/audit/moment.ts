import { OsproxyError } from '../errors.ts';

const MOMENT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** A day, which begins at midnight in UTC, or a moment with its offset, in milliseconds since the epoch. Throws InvalidArgument. */
export function parseMoment(text: string | undefined, field: string): number | undefined {
  if (text === undefined) return undefined;
  const at = MOMENT.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new OsproxyError(
    'InvalidArgument',
    `"${field}" must be a day such as 2026-01-31 or a moment such as 2026-01-31T12:00:00Z.`,
    { details: { field } },
  );
}
