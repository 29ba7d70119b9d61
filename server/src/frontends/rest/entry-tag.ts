import type { Entry } from '#core/model/entry.ts';

/** A strong tag of a content that an entry has or had, which says nothing of the file behind it. */
export function entryTag({ id, version }: Pick<Entry, 'id' | 'version'>, variant?: string): string {
  return `"e${BigInt(id).toString(36)}-${version}${variant === undefined ? '' : `-${variant}`}"`;
}
