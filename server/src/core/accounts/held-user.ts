import type { User } from '../model/user.ts';
import type { MetadataWriter } from '../ports/metadata.ts';

/**
 * Locks a user, and writes the row: on snapshots whoever waited for a lock alone goes on without seeing what was done under it. To be used where something is
 * made or taken away that others who lock the user look for.
 */
export async function holdUser(
  { users }: Pick<MetadataWriter, 'users'>,
  id: string,
  now: number,
): Promise<User | undefined> {
  const user = await users.lock(id);
  if (user === undefined) return undefined;
  const held = { ...user, updatedAt: Math.max(now, user.updatedAt + 1) };
  await users.update(held);
  return held;
}
