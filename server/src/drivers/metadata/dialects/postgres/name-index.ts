import { type Kysely, sql } from 'kysely';
import { type NameIndexWay, on } from '../../name-index-way.ts';
import type { Tables } from '../../rows.ts';
import { PLANNED_ANEW } from './planning.ts';

/** An inverted index (GIN) over the tokens of each name. */
export function arraysOfNames(build: Kysely<Tables>): NameIndexWay {
  return {
    create: async (db) => {
      await sql`create table entry_names (entry_id bigint not null primary key, user_id bigint not null, tokens int[] not null)`.execute(
        db,
      );
      await sql`create index entry_names_tokens on entry_names using gin (tokens)`.execute(db);
      await sql`create index entry_names_user on entry_names (user_id, entry_id)`.execute(db);
    },
    put: (names) => {
      const entries = literal(names.map(({ entry }) => String(entry)));
      const users = literal(names.map(({ user }) => String(user)));
      const tokens = literal(names.map((name) => `"${literal(name.tokens)}"`));
      return [
        on(
          build,
          sql`insert into entry_names (entry_id, user_id, tokens) select entry_id, user_id, tokens::int[] from unnest(${entries}::bigint[], ${users}::bigint[], ${tokens}::text[]) as names (entry_id, user_id, tokens)`,
        ),
      ];
    },
    remove: (names) => {
      const entries = literal(names.map(({ entry }) => String(entry)));
      return [on(build, sql`delete from entry_names where entry_id = any(${entries}::bigint[])`)];
    },
    // Where the tokens are in many names, the planner walks the person's newest entries instead of gathering all that match.
    candidates: ({ user, tokens, before, limit }) =>
      on(
        build,
        sql`${sql.raw(PLANNED_ANEW)} select entry_id as id from entry_names where user_id = ${user} and tokens @> ${literal(tokens)}::int[] and entry_id < ${before} order by entry_id desc limit ${limit}`,
      ),
  };
}

function literal(values: readonly (string | number)[]): string {
  return `{${values.join(',')}}`;
}
