import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { OsproxyError } from '#core/errors.ts';

/** What a module outside of this tree exports as its default; throws InvalidArgument with one sentence when it cannot be loaded. */
export async function loadDefault(path: string): Promise<unknown> {
  if (!existsSync(path)) throw new OsproxyError('InvalidArgument', `The module ${path} does not exist.`);
  try {
    return ((await import(pathToFileURL(path).href)) as { readonly default?: unknown }).default;
  } catch (cause) {
    const message = `The module ${path} could not be loaded: ${reasonOf(cause)}.`;
    throw new OsproxyError('InvalidArgument', message, { cause });
  }
}

/** The first line of what was thrown, without its full stop. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').replace(/[.\s]+$/, '');
}
