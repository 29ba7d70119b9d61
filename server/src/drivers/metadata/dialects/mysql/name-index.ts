import { type Kysely, sql } from 'kysely';
import { listOf } from '../../convert.ts';
import { type Candidates, type NameIndexWay, on } from '../../name-index-way.ts';
import type { Tables } from '../../rows.ts';

/** A row for each token of each name, in the order of tokens, then of entries: an inverted index that reads from the newest entry down. */
export function rowsOfNames(build: Kysely<Tables>): NameIndexWay {
  return {
    create: async (db) => {
      await sql`create table entry_names (user_id bigint not null, token int not null, entry_id bigint not null, primary key (user_id, token, entry_id))`.execute(
        db,
      );
    },
    put: (names) => {
      const rows = names.flatMap(({ user, tokens, entry }) =>
        tokens.map((token) => `[${user},${token},${entry}]`),
      );
      const columns = sql.raw(
        "columns (user_id bigint path '$[0]', token int path '$[1]', entry_id bigint path '$[2]')",
      );
      return [
        on(
          build,
          sql`insert into entry_names (user_id, token, entry_id) select user_id, token, entry_id from json_table(${`[${rows.join(',')}]`}, '$[*]' ${columns}) as given_names`,
        ),
      ];
    },
    remove: (names) =>
      names.map(({ user, tokens, entry }) =>
        on(
          build,
          sql`delete from entry_names where user_id = ${user} and token in (${sql.join(listOf(tokens))}) and entry_id = ${entry}`,
        ),
      ),
    candidates: (wanted) => on(build, candidates(wanted)),
  };
}

/** The server begins with the rarest token and looks up the others; without an order of joins it has found that out itself. */
function candidates({ user, tokens: [first, ...others], before, limit }: Candidates) {
  const joins = others.map((token, at) => {
    const name = sql.raw(`t${at}`);
    return sql`inner join entry_names as ${name} on ${name}.user_id = ${user} and ${name}.token = ${token} and ${name}.entry_id = t.entry_id`;
  });
  return sql<{
    id: string;
  }>`select t.entry_id as id from entry_names as t ${sql.join(joins, sql` `)} where t.user_id = ${user} and t.token = ${first} and t.entry_id < ${before} order by t.entry_id desc limit ${limit}`;
}
