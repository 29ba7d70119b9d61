import type { Archive } from '#core/archive/archive.ts';
import type { Core } from '#core/core.ts';
import { ownerOfUser } from '#core/model/principal.ts';

/** An archive of a person's own entries; throws as `DriveArchives.gather`. */
export function driveZip(
  { shares }: Pick<Core, 'shares'>,
  userId: string,
  entryIds: readonly string[],
  signal: AbortSignal,
): Promise<Archive> {
  return shares.archives.gather(
    { userId, entryIds, who: ownerOfUser(userId), allow: async () => {} },
    signal,
  );
}
