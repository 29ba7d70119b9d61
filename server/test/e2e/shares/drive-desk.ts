import { newFileEntry } from '#core/drive/new-entry.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { createLog } from '#drivers/logger/pino.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { newId } from '../../contracts/metadata-samples.ts';
import type { TestPerson } from '../people.ts';
import type { Answer, RestClient } from '../rest/client.ts';
import type { RunningService } from '../service.ts';

/** Arranges people's drives; ids are those of entries, `root` the root folder. */
export interface DriveDesk {
  /** The database of the service. */
  readonly metadata: Metadata;
  /** Whose drives can be arranged. */
  know(person: TestPerson): void;
  folder(userId: string, name: string, parentId?: string): Promise<string>;
  file(userId: string, name: string, bytes: string | Buffer, parentId?: string): Promise<string>;
  move(userId: string, id: string, parentId: string): Promise<void>;
  trash(userId: string, id: string): Promise<void>;
  /** Many empty files in one folder, past the service. */
  emptyFiles(userId: string, count: number, parentId: string): Promise<void>;
  close(): Promise<void>;
}

export async function openDriveDesk(service: RunningService): Promise<DriveDesk> {
  const { logger, close } = createLog({ level: 'silent' });
  const metadata = await openMetadata(service.databaseUrl, { logger });
  const clients = new Map<string, RestClient>();
  const call = async (userId: string, ...rest: Parameters<RestClient['call']>): Promise<Answer> => {
    const answer = await clients.get(userId)?.call(...rest);
    if (answer !== undefined && answer.status < 300) return answer;
    throw new Error(`${rest[0]} ${rest[1]}: ${answer?.status} ${answer?.bytes}`);
  };
  const file: DriveDesk['file'] = async (userId, name, body, parentId = 'root') => {
    const path = `/drive/folders/${parentId}/files/${encodeURIComponent(name)}`;
    return (await call(userId, 'PUT', path, { body })).json.id;
  };
  return {
    metadata,
    know: ({ userId, client }) => void clients.set(userId, client),
    folder: async (userId, name, parentId = 'root') =>
      (await call(userId, 'POST', '/drive/folders', { json: { parentId, name } })).json.id,
    file,
    move: async (userId, id, parentId) =>
      void (await call(userId, 'PATCH', `/drive/entries/${id}`, { json: { parentId } })),
    trash: async (userId, id) => void (await call(userId, 'DELETE', `/drive/entries/${id}`)),
    emptyFiles: async (userId, count, parentId) => {
      const first = await metadata.entries.find(await file(userId, 'none', '', parentId));
      const empty = await metadata.files.find(first?.fileUid ?? '');
      if (empty === undefined) throw new Error('The file was not made.');
      for (let done = 1; done < count; done += 500) {
        const entries = Array.from({ length: Math.min(500, count - done) }, (_, index) => {
          const named = { id: newId(), userId, parentId, name: `${done + index}.txt` };
          return newFileEntry(named, empty, Date.now());
        });
        await metadata.transaction((repositories) => repositories.entries.insertMany(entries));
      }
    },
    close: async () => {
      await metadata.close();
      await close();
    },
  };
}
