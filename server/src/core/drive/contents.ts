import { type Holders, insertReady } from '../contents.ts';
import { OsproxyError } from '../errors.ts';
import { fileEvent } from '../events/facts.ts';
import type { FileRecord } from '../model/file.ts';
import type { Uid } from '../model/uid.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import { composeTask } from '../tasks/compose-payload.ts';
import type { DriveParts } from './drive-parts.ts';

/** A content that is wanted once more, under this name. */
export interface WantedCopy {
  readonly uid: Uid;
  readonly name: string;
  readonly contentType: string;
}

/**
 * New files over the contents of these, in the same order; undefined where a content is gone. No byte moves. What is held back stays held in the copy,
 * and what was not verified yet is verified for the copy as well. At most 1000.
 */
export async function copyFiles(
  parts: Pick<DriveParts, 'ids' | 'holders' | 'policy' | 'settings'>,
  repositories: MetadataWriter,
  wanted: readonly WantedCopy[],
  now: number,
): Promise<readonly (FileRecord | undefined)[]> {
  const found = await repositories.files.findMany([...new Set(wanted.map(({ uid }) => uid))]);
  const files = new Map(found.filter(({ state }) => state !== 'deleted').map((file) => [file.uid, file]));
  const named = [...files.values()].filter(({ state }) => state !== 'rejected');
  const manifests = [...new Set(named.map(({ manifestId }) => manifestId))].sort();
  const claimed = await repositories.manifests.claimMany(manifests);
  const gone = manifests.find((id) => !claimed.has(id));
  if (gone !== undefined) {
    throw new OsproxyError('Unavailable', 'A content was removed while it was copied; try again.');
  }
  const copies: (FileRecord | undefined)[] = [];
  const plain: FileRecord[] = [];
  for (const { uid, name, contentType } of wanted) {
    const original = files.get(uid);
    if (original === undefined) {
      copies.push(undefined);
      continue;
    }
    const fresh = { uid: parts.ids.next(), generation: 1, linkEpoch: 0, createdAt: now, updatedAt: now };
    const copy: FileRecord = { ...original, ...fresh, name, contentType };
    copies.push(await insertCopy(parts, repositories, { original, copy }, plain));
    if (copy.state !== 'rejected' && !copy.verified) await verify(parts, repositories, copy, now);
  }
  await repositories.files.insertMany(plain);
  const ready = plain.filter(({ state }) => state === 'ready').map((file) => fileEvent('file.ready', file));
  await repositories.events.appendMany(ready, now);
  return copies;
}

/** Those that nobody has to look at are left for one insert of all. */
async function insertCopy(
  { holders }: Pick<DriveParts, 'holders'>,
  repositories: MetadataWriter,
  { original, copy }: { readonly original: FileRecord; readonly copy: FileRecord },
  plain: FileRecord[],
): Promise<FileRecord> {
  const wasHeld = original.state === 'held';
  const before = wasHeld ? (await repositories.holds.of(original.uid)).map(({ type }) => type) : [];
  const both: Holders = {
    holding: (ready) => [...new Set([...holders.holding(ready), ...before])].sort(),
  };
  const ready: FileRecord = wasHeld ? { ...copy, state: 'ready' } : copy;
  if (copy.state === 'rejected' || both.holding(fileEvent('file.ready', ready)).length === 0) {
    plain.push(ready);
    return ready;
  }
  return insertReady(repositories, ready, both);
}

async function verify(
  { ids, policy, settings }: Pick<DriveParts, 'ids' | 'policy' | 'settings'>,
  repositories: MetadataWriter,
  { uid, owner, name, size, manifestId }: FileRecord,
  now: number,
): Promise<void> {
  const route = policy.choose({ name, owner, size, keyId: undefined });
  const task = composeTask({ uid, manifestId, ...route }, settings.taskAttempts);
  await repositories.tasks.enqueue(ids.next(), task, now);
}

/** These files are gone for readers; their bytes follow after the grace time. At most 1000. */
export async function dropFiles(
  repositories: MetadataWriter,
  uids: readonly Uid[],
  now: number,
): Promise<void> {
  const found = await repositories.files.findMany(uids);
  const files = found.filter(({ state }) => state !== 'deleted');
  await repositories.files.markManyDeleted(
    files.map(({ uid }) => uid),
    now,
  );
  for (const { uid, state } of files) if (state === 'held') await repositories.holds.remove(uid);
  const manifests = [...new Set(files.map(({ manifestId }) => manifestId))].sort();
  await repositories.manifests.markManyIdle(manifests, now);
  await repositories.events.appendMany(
    files.map((file) => fileEvent('file.deleted', file)),
    now,
  );
}
