import type { Migration } from 'kysely/migration';
import { addIndex } from './indexes.ts';

/** The earlier content of a drive's file is found by the file that it is. */
export function versionFilesIndex(): Migration {
  return {
    async up(db) {
      await addIndex(db, 'entry_versions', ['file_uid'], 'entry_versions_file');
    },
  };
}
