const MOST_TEXT = 300;
const MOST_FIELDS = 24;
const MOST_BYTES = 4000;
const SECRET = /pass(word|phrase|wd)|secret|token|authorization|cookie|signature|recovery|otp|hash/i;

/** What may be kept of a detail: no field that is named like a secret, and nothing long. */
export function detailOf(
  detail: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  if (detail === undefined) return {};
  const kept = fieldsOf(detail);
  return JSON.stringify(kept).length <= MOST_BYTES ? kept : { shortened: true };
}

function fieldsOf(detail: object): Record<string, unknown> {
  const fields = Object.entries(detail).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    fields
      .slice(0, MOST_FIELDS)
      .map(([name, value]) => [
        name,
        SECRET.test(name) && typeof value !== 'boolean' ? '[left out]' : kept(value),
      ]),
  );
}

function kept(value: unknown): unknown {
  if (typeof value === 'string') return value.length > MOST_TEXT ? `${value.slice(0, MOST_TEXT)}…` : value;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (Array.isArray(value)) return value.slice(0, MOST_FIELDS).map(kept);
  if (typeof value === 'object' && value !== undefined) return fieldsOf(value as object);
  return String(value).slice(0, MOST_TEXT);
}
