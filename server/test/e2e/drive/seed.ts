import { newFileEntry, newFolder } from '#core/drive/new-entry.ts';
import type { Entry } from '#core/model/entry.ts';
import type { FileRecord } from '#core/model/file.ts';
import { ownerOfUser } from '#core/model/principal.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { createLog } from '#drivers/logger/pino.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { newId } from '../../contracts/metadata-samples.ts';
import type { RunningService } from '../service.ts';
import type { DriveClient } from './drive-client.ts';

export interface Shape {
  /** Folders in the top one. */
  readonly folders: number;
  /** Folders in each of these. */
  readonly inner: number;
  /** Files in each of the innermost. */
  readonly files: number;
}

/** Bytes of each file. */
export const FILE_BYTES = 10;

export function entriesOf({ folders, inner, files }: Shape): number {
  return folders + folders * inner + filesOf({ folders, inner, files });
}

export function filesOf({ folders, inner, files }: Shape): number {
  return folders * inner * files;
}

export async function withMetadata<T>(
  service: Pick<RunningService, 'databaseUrl'>,
  work: (metadata: Metadata) => Promise<T>,
): Promise<T> {
  const { logger, close } = createLog({ level: 'silent' });
  const metadata = await openMetadata(service.databaseUrl, { logger });
  try {
    return await work(metadata);
  } finally {
    await metadata.close();
    await close();
  }
}

/** A tree in the root of somebody's drive, written beside the service: all its files have the content of one that is uploaded first. Its id. */
export async function seedTree(
  service: Pick<RunningService, 'databaseUrl'>,
  drive: DriveClient,
  name: string,
  shape: Shape,
): Promise<string> {
  const { userId } = drive.person;
  const { rootId } = await drive.drive();
  const sample = await drive.file('root', `sample of ${name}`, '0123456789');
  return withMetadata(service, async (metadata) => {
    const entry = await metadata.entries.find(sample.id);
    const original = await metadata.files.find(entry?.fileUid ?? '');
    if (original === undefined) throw new Error('The sample is not there.');
    const at = Date.now();
    const top = newFolder({ id: newId(), userId, parentId: rootId, name }, at);
    const entries: Entry[] = [top];
    const files: FileRecord[] = [];
    for (let i = 0; i < shape.folders; i += 1) {
      const outer = newFolder({ id: newId(), userId, parentId: top.id, name: `folder ${i}` }, at);
      entries.push(outer);
      for (let k = 0; k < shape.inner; k += 1) {
        const inner = newFolder({ id: newId(), userId, parentId: outer.id, name: `inner ${k}` }, at);
        entries.push(inner);
        for (let n = 0; n < shape.files; n += 1) {
          const file: FileRecord = {
            ...{ ...original, uid: newId(), owner: ownerOfUser(userId), name: `file ${n}.txt` },
          };
          files.push(file);
          const named = { id: newId(), userId, parentId: inner.id, name: file.name };
          entries.push(newFileEntry(named, file, at));
        }
      }
    }
    for (let start = 0; start < entries.length; start += 2000) {
      await metadata.transaction((r) => r.entries.insertMany(entries.slice(start, start + 2000)));
    }
    for (let start = 0; start < files.length; start += 2000) {
      await metadata.transaction((r) => r.files.insertMany(files.slice(start, start + 2000)));
    }
    const by = { used: files.length * FILE_BYTES, files: files.length };
    await metadata.transaction((r) => r.drives.grow(userId, by));
    return top.id;
  });
}

/** What is counted is what is there: the bytes and files of a drive, in words where they differ. */
export async function miscounted(service: Pick<RunningService, 'databaseUrl'>, userId: string) {
  return withMetadata(service, async ({ entries, drives }) => {
    let [bytes, files] = [0, 0];
    for (let after: string | undefined; ; ) {
      const page = await entries.scan(after, 1000);
      const own = page.filter((entry) => entry.userId === userId && entry.kind === 'file');
      const versions = await entries.versionsOf(own.filter(({ version }) => version > 1).map(({ id }) => id));
      files += own.length;
      for (const { size } of [...own, ...versions]) bytes += size;
      after = page.at(-1)?.id;
      if (after === undefined) break;
    }
    const drive = await drives.find(userId);
    return {
      used: (drive?.usedBytes ?? 0) - bytes,
      files: (drive?.files ?? 0) - files,
      reserved: drive?.reservedBytes ?? 0,
    };
  });
}
