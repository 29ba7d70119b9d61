import { type Kysely, sql } from 'kysely';
import { fixed, type IndexedName, type NameIndexWay, on } from '../../name-index-way.ts';
import type { Tables } from '../../rows.ts';

/** FTS5 over words that stand for the tokens. The table keeps no text, only which words each row has. */
export function fullTextNames(build: Kysely<Tables>): NameIndexWay {
  return {
    create: async (db) => {
      const options = "content='', contentless_delete=1, detail=none, tokenize='ascii'";
      await sql`create virtual table entry_names using fts5(words, ${sql.raw(options)})`.execute(db);
    },
    put: (names) =>
      names.map(({ entry, tokens }) =>
        fixed('insert into entry_names (rowid, words) values (?, ?)', [entry, wordsOf(tokens, ' ')]),
      ),
    remove: (names: readonly IndexedName[]) =>
      names.map(({ entry }) => fixed('delete from entry_names where rowid = ?', [entry])),
    candidates: ({ tokens, before, limit }) =>
      on(
        build,
        sql`select rowid as id from entry_names where entry_names match ${wordsOf(tokens, ' AND ')} and rowid < ${before} order by rowid desc limit 0 + ${limit}`,
      ),
  };
}

/** Letters and digits, so that the tokenizer takes each for one word and none for an operator. */
function wordsOf(tokens: readonly number[], between: string): string {
  return tokens.map((token) => `t${(token >>> 0).toString(36)}`).join(between);
}
