import { throwIfCancelled } from './cancellation.ts';
import { isOsproxyError } from './errors.ts';
import type { GarbageOptions } from './garbage.ts';
import { nodeAwayIn } from './ports/peers.ts';

const BATCH = 200;

/** Deletes the bytes that relocations left behind once nobody can be reading them any more; returns how many. */
export async function deleteRetired(options: GarbageOptions & { readonly now: number }): Promise<number> {
  const { metadata, stores, commit, cutoff, now, signal } = options;
  const givenUp = new Set<string>();
  let deleted = 0;
  for (let after: string | undefined; ; ) {
    throwIfCancelled(signal);
    const retired = await metadata.placements.retired(cutoff, after, BATCH);
    after = retired.at(-1)?.position;
    if (after === undefined) return deleted;
    for (const placement of retired) {
      const { store, node, key } = placement;
      const place = `${store}\n${node ?? ''}`;
      if (!stores.isReachable(placement) || givenUp.has(place)) continue;
      try {
        await stores.at(placement).delete(key, { signal });
        await commit((repositories) => repositories.placements.forgetRetired(store, key, now));
        deleted += 1;
      } catch (error) {
        throwIfCancelled(signal);
        if (isOsproxyError(error, 'Conflict')) throw error;
        if (isOsproxyError(error, 'Unavailable')) givenUp.add(place);
        if (nodeAwayIn(error) === undefined) options.failed(error);
      }
    }
  }
}
