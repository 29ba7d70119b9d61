import { type Kysely, sql } from 'kysely';
import { type Candidates, type NameIndexWay, on } from '../../name-index-way.ts';
import type { Tables } from '../../rows.ts';

/** Newest entries of a person that are looked at one by one before the index is asked: what is in many names is found among them. */
const NEWEST = 5000;

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
    candidates: (wanted) => on(build, candidates(wanted)),
  };
}

/**
 * A token in many names would make the index gather most of what a person has, to be sorted for a few. "+ 0" keeps the planner from walking all of a person's entries
 * where it takes a rare token for a common one.
 */
function candidates({ user, tokens, before, limit }: Candidates) {
  const wanted = sql`${literal(tokens)}::int[]`;
  return sql<{ id: string }>`with newest as materialized (
      select entry_id, tokens @> ${wanted} as fits from entry_names
      where user_id = ${user} and entry_id < ${before} order by entry_id desc limit ${sql.lit(NEWEST)}
    )
    select entry_id as id from (
      (select entry_id from newest where fits order by entry_id desc limit ${limit})
      union all
      (select entry_id from entry_names
        where user_id = ${user} and tokens @> ${wanted} and entry_id < (select min(entry_id) from newest)
          and (select count(*) from newest) = ${sql.lit(NEWEST)}
          and (select count(*) from newest where fits) < ${limit}
        order by entry_id + 0 desc limit ${limit})
    ) as found order by entry_id desc limit ${limit}`;
}

function literal(values: readonly (string | number)[]): string {
  return `{${values.join(',')}}`;
}
