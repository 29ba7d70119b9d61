import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

/** Contents are found by the SHA-1 that older clients know them by. */
export function sha1Index(types: ColumnTypes): Migration {
  return {
    async up(db) {
      const index = db.schema.createIndex('manifests_sha1').on('manifests').column('sha1');
      await (types.partialIndexes ? index.where(sql.ref('sha1'), 'is not', null) : index).execute();
    },
  };
}
