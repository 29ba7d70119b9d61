import type { CandidateQuery, NameIndexQueries } from '#core/ports/metadata/name-index.ts';
import { tokensOfName } from '#core/search/name-tokens.ts';
import type { Int } from './columns.ts';
import { fromId, toId } from './convert.ts';
import type { IndexedName } from './name-index-way.ts';
import type { Session } from './session.ts';
import { runAtCommit, runQuery } from './statement.ts';

/** Above every id. */
const END = 2n ** 63n - 1n;

/** What the index needs to know of an entry. */
export interface NamedRow {
  readonly id: Int;
  readonly user_id: Int;
  readonly name_key: string;
}

/** What an entry of this name has in the index; nothing for a root folder, which nobody looks for. */
export function indexedNames(rows: readonly NamedRow[]): readonly IndexedName[] {
  return rows.flatMap(({ id, user_id, name_key }) => {
    if (name_key === '') return [];
    const user = fromId(user_id);
    return [{ entry: toId(fromId(id)), user: toId(user), tokens: tokensOfName(user, name_key) }];
  });
}

export async function putNames(session: Session, rows: readonly NamedRow[]): Promise<void> {
  const names = indexedNames(rows);
  if (names.length === 0) return;
  for (const query of session.dialect.columnTypes.nameIndex.put(names)) await runAtCommit(session, query);
}

/** The rows as they were when they were put. */
export async function removeNames(session: Session, rows: readonly NamedRow[]): Promise<void> {
  const names = indexedNames(rows);
  if (names.length === 0) return;
  for (const query of session.dialect.columnTypes.nameIndex.remove(names)) await runAtCommit(session, query);
}

export class NameIndex implements NameIndexQueries {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async candidates({ userId, tokens, before, limit }: CandidateQuery): Promise<readonly string[]> {
    const { nameIndex } = this.#session.dialect.columnTypes;
    const wanted = { user: toId(userId), tokens, before: before === undefined ? END : toId(before), limit };
    return (await runQuery(this.#session, nameIndex.candidates(wanted))).rows.map(({ id }) => fromId(id));
  }
}
