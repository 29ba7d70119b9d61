import { newFileEntry } from '#core/drive/new-entry.ts';
import { DriveStructure } from '#core/drive/structure.ts';
import { DriveTree } from '#core/drive/tree.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { createLog } from '#drivers/logger/pino.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { newId } from '../../contracts/metadata-samples.ts';
import { RestClient } from '../rest/client.ts';
import type { RunningService } from '../service.ts';

/** Arranges people's drives in the database of a running service. */
export interface DriveDesk {
  readonly metadata: Metadata;
  folder(userId: string, name: string, parentId?: string): Promise<string>;
  file(userId: string, name: string, bytes: string | Buffer, parentId?: string): Promise<string>;
  move(userId: string, id: string, parentId: string): Promise<void>;
  trash(userId: string, id: string): Promise<void>;
  /** Many empty files in one folder. */
  emptyFiles(userId: string, count: number, parentId: string): Promise<void>;
  close(): Promise<void>;
}

export async function openDriveDesk(service: RunningService): Promise<DriveDesk> {
  const { logger, close } = createLog({ level: 'silent' });
  const metadata = await openMetadata(service.databaseUrl, { logger });
  const client = new RestClient(service.url, service.apiKey);
  const drive = { versions: 3, trashMs: undefined, atOnce: 1000 };
  const parts = { metadata, ids: { next: newId }, clock: { now: () => Date.now() }, drive };
  const tree = new DriveTree(parts);
  const structure = new DriveStructure(parts);
  const insert = async (userId: string, name: string, uid: string, parentId: string): Promise<string> => {
    const parent = await tree.find(userId, parentId);
    const file = await metadata.files.find(uid);
    if (file === undefined) throw new Error(`There is no file ${uid}.`);
    const entry = newFileEntry({ id: newId(), userId, parentId: parent.id, name }, file, Date.now());
    await metadata.transaction((repositories) => repositories.entries.insert(entry));
    return entry.id;
  };
  return {
    metadata,
    folder: async (userId, name, parentId = 'root') => {
      const parent = await tree.find(userId, parentId);
      return (await structure.createFolder(userId, { parentId: parent.id, name, conflict: 'fail' })).id;
    },
    file: async (userId, name, bytes, parentId = 'root') => {
      const { uid } = await client.put(name.replaceAll(/[/\\%?#]/g, '_'), bytes);
      return insert(userId, name, uid, parentId);
    },
    move: async (userId, id, parentId) => {
      const { id: to } = await tree.find(userId, parentId);
      await structure.move(userId, id, { parentId: to, conflict: 'fail' });
    },
    trash: async (userId, id) => void (await structure.trash(userId, id)),
    emptyFiles: async (userId, count, parentId) => {
      const { uid } = await client.put('none', '');
      const file = await metadata.files.find(uid);
      if (file === undefined) throw new Error('The file was not made.');
      for (let done = 0; done < count; done += 500) {
        const entries = Array.from({ length: Math.min(500, count - done) }, (_, index) => {
          const name = `${done + index}.txt`;
          return newFileEntry({ id: newId(), userId, parentId, name }, file, Date.now());
        });
        await metadata.transaction((repositories) => repositories.entries.insertMany(entries));
      }
    },
    close: async () => {
      client.close();
      await metadata.close();
      await close();
    },
  };
}
