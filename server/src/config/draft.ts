import type { Setting } from './settings.ts';

/** What was set so far, with where each value came from. */
export interface Draft {
  readonly values: Map<string, { readonly value: unknown; readonly origin: string }>;
  readonly problems: string[];
}

export function newDraft(): Draft {
  return { values: new Map(), problems: [] };
}

/** Later calls win over earlier ones. */
export function set(draft: Draft, setting: Setting, value: unknown, origin: string): void {
  draft.values.set(setting.name, { value, origin });
}

/** A value as it may appear in a message: short, and hidden where it is a secret. */
export function shown(value: unknown, secret: boolean): string {
  if (secret) return '(hidden)';
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
