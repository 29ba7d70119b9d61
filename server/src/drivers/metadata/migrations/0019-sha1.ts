import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { addSparseIndex } from './indexes.ts';

/** Contents are found by the SHA-1 that older clients know them by. */
export function sha1Index(types: ColumnTypes): Migration {
  return {
    async up(db) {
      await addSparseIndex(db, types, 'manifests.sha1');
    },
  };
}
