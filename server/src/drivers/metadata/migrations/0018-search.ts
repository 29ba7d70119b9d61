import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import { fromId } from '../convert.ts';
import { indexedNames } from '../name-index.ts';
import type { Tables } from '../rows.ts';
import type { ColumnTypes } from './column-types.ts';

const AT_ONCE = 500;

/** Names by their tokens, with those of the entries that are here already. */
export function searchTables({ nameIndex }: ColumnTypes): Migration {
  return {
    async up(db) {
      await nameIndex.create(db);
      for (let after = 0n; ; ) {
        const rows = await (db as Kysely<Tables>)
          .selectFrom('entries')
          .select(['id', 'user_id', 'name_key'])
          .where('id', '>', after)
          .orderBy('id')
          .limit(AT_ONCE)
          .execute();
        const last = rows.at(-1);
        if (last === undefined) break;
        for (const query of nameIndex.put(indexedNames(rows))) await db.executeQuery(query.compile());
        after = BigInt(fromId(last.id));
      }
    },
  };
}
