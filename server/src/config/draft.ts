import type { Setting } from './settings.ts';

interface DraftValue {
  readonly value: unknown;
  readonly origin: string;
  /** The file it stands in; undefined for the environment. */
  readonly file?: string | undefined;
}

/** What was set so far, with where each value came from. */
export interface Draft {
  readonly values: Map<string, DraftValue>;
  readonly problems: string[];
}

export function newDraft(): Draft {
  return { values: new Map(), problems: [] };
}

/** Later calls win over earlier ones. */
export function set(draft: Draft, setting: Setting, value: unknown, origin: string, file?: string): void {
  draft.values.set(setting.name, { value, origin, file });
}

/** A value as it may appear in a message: short, and hidden where it is a secret. */
export function shown(value: unknown, secret: boolean): string {
  if (secret) return '(hidden)';
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
