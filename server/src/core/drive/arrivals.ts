import { isOsproxyError, OsproxyError } from '../errors.ts';
import { ownerOfUser } from '../model/principal.ts';
import type { UploadRecord } from '../model/upload.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import type { Placing, UploadTies } from '../upload-ties.ts';
import type { DriveParts } from './drive-parts.ts';
import { checkFolderPath, nameKeyOf } from './entry-names.ts';
import { chooseFile } from './filing.ts';
import { newFolder } from './new-entry.ts';
import { type LiveFolder, liveFolder, refuseDeep } from './placing.ts';
import { insertFolder } from './structure.ts';
import { lockedDrive } from './tree.ts';

type ArrivalParts = Pick<DriveParts, 'ids' | 'clock' | 'drive'>;

/** Uploads of people get their place in a folder, and their bytes are counted, in the transaction that makes the file or ends the upload. */
export function driveTies(parts: ArrivalParts): UploadTies {
  return {
    completing: async (repositories, upload, size, rename) => {
      const tied = await tieOf(repositories, upload);
      if (tied === undefined) return undefined;
      const { userId, parentId, conflict } = tied;
      const name = rename ?? tied.name;
      await lockedDrive(repositories, userId, parts);
      const { folderId, depth } = await placeOf(repositories, userId, parentId);
      refuseDeep(depth + 1);
      const chosen = await chooseFile(parts, repositories, { userId, folderId, name, conflict });
      const place: Placing = async (file) => {
        const { version } = await chosen.put(file, parts.clock.now());
        await repositories.drives.removeUpload(upload.uid);
        const by = { used: size, reserved: -tied.size, files: version === 1 ? 1 : 0 };
        await repositories.drives.grow(userId, by);
      };
      return place;
    },
    ended: async (repositories, upload) => {
      const tied = await tieOf(repositories, upload);
      if (tied === undefined) return;
      await repositories.drives.removeUpload(upload.uid);
      await repositories.drives.grow(tied.userId, { reserved: -tied.size });
    },
    roomOf: ({ owner, size }) => (isOfPerson(owner) ? size : undefined),
  };
}

async function tieOf(repositories: MetadataWriter, { uid, owner }: UploadRecord) {
  return isOfPerson(owner) ? repositories.drives.findUpload(uid) : undefined;
}

function isOfPerson(owner: string): boolean {
  return owner.startsWith(ownerOfUser(''));
}

async function placeOf(repositories: MetadataWriter, userId: string, parentId: string): Promise<LiveFolder> {
  try {
    return await liveFolder(repositories, userId, parentId);
  } catch (cause) {
    if (!isOsproxyError(cause, 'NotFound')) throw cause;
    throw new OsproxyError('Conflict', 'The folder that this upload goes to is gone; name another one.', {
      details: { field: 'parentId', parentId },
      cause,
    });
  }
}

/** The folder at the end of a path below a folder; those that are not there are made. Under the drive's lock. */
export async function foldersTo(
  repositories: MetadataWriter,
  { ids }: Pick<DriveParts, 'ids'>,
  userId: string,
  start: LiveFolder,
  path: string,
  now: number,
): Promise<LiveFolder> {
  let { folderId, depth } = start;
  for (const name of checkFolderPath(path)) {
    depth += 1;
    refuseDeep(depth);
    const known = await repositories.entries.child(folderId, nameKeyOf(name));
    if (known?.kind === 'file') {
      throw new OsproxyError(
        'AlreadyExists',
        `There is a file of the name "${name}" where a folder is needed.`,
        {
          details: { field: 'path', name, id: known.id },
        },
      );
    }
    const named = { id: ids.next(), userId, parentId: folderId, name };
    folderId = (known ?? (await insertFolder(repositories, newFolder(named, now), now))).id;
  }
  return { folderId, depth };
}
