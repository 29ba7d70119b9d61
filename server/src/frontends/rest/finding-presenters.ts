import type { Core } from '#core/core.ts';
import type { Found } from '#core/search/name-search.ts';
import { entriesBody } from './drive-presenters.ts';

/** Entries with the folders above them. */
export async function foundBody(core: Core, found: readonly Found[]) {
  const bodies = await entriesBody(
    core,
    found.map(({ entry }) => entry),
  );
  return bodies.map((body, at) => {
    const above = found[at]?.above ?? [];
    return { ...body, path: above.map(({ id, name }) => ({ id, name })) };
  });
}
