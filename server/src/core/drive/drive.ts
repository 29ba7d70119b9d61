import { OsproxyError } from '../errors.ts';
import type { FileRecords } from '../file-records.ts';
import { readable } from '../files.ts';
import type { Entry, EntryVersion } from '../model/entry.ts';
import type { FileContent } from '../model/file.ts';
import { DriveStructure, type StructureParts } from './structure.ts';
import { DriveTree } from './tree.ts';

export interface DriveParts extends StructureParts {
  readonly records: FileRecords;
}

/** What people have: folders, and files in them. */
export class Drive {
  readonly tree: DriveTree;
  readonly structure: DriveStructure;
  readonly #records: FileRecords;

  constructor(parts: DriveParts) {
    this.tree = new DriveTree(parts);
    this.structure = new DriveStructure(parts);
    this.#records = parts.records;
  }

  /**
   * What is to be read of a file, or of an earlier version of it, under the name that the entry has. Throws Locked while the content is held back, Conflict
   * when it was rejected and for a folder.
   */
  async content(entry: Entry, version?: EntryVersion): Promise<FileContent> {
    const uid = version === undefined ? entry.fileUid : version.fileUid;
    if (uid === undefined) {
      throw new OsproxyError('Conflict', `Entry ${entry.id} is a folder and has no content.`, {
        details: { id: entry.id },
      });
    }
    const content = await this.#records.find(uid);
    if (content === undefined) {
      throw new OsproxyError('NotFound', `The content of entry ${entry.id} is gone.`, {
        details: { id: entry.id },
      });
    }
    const { file, parts } = readable(content);
    const contentType = (version ?? entry).contentType ?? file.contentType;
    return { file: { ...file, name: entry.name, contentType }, parts };
  }
}
