const MOST_NAME = 200;
const MOST_EMAIL = 254;

/** A name as it may be shown and kept: one line, not too long; undefined for what is none. */
export function wordOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const line = value
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return line === '' ? undefined : [...line].slice(0, MOST_NAME).join('');
}

/** An e-mail address that looks like one; undefined for anything else. */
export function emailOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MOST_EMAIL) return undefined;
  return /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(value) ? value : undefined;
}
