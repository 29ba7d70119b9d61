import type { Insertable, Selectable } from 'kysely';
import type { OneTimeKind, OneTimeToken } from '#core/model/one-time-token.ts';
import type { OneTimeTokenCommands, OneTimeTokenQueries } from '#core/ports/metadata/one-time-tokens.ts';
import type { OneTimeTokenTable } from './accounts-rows.ts';
import { chunks, fromId, optionalNumber, toId, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

type NewRow = Required<Insertable<OneTimeTokenTable>>;

const COLUMNS = [
  'id',
  'kind',
  'hash',
  'user_id',
  'data',
  'created_at',
  'expires_at',
  'used_at',
  'tries',
] as const satisfies readonly (keyof NewRow)[];

const open = new Statement(({ build }, p: { kind: string; now: number; limit: number }) =>
  build
    .selectFrom('one_time_tokens')
    .select(COLUMNS)
    .where('kind', '=', p.kind)
    .where('used_at', 'is', null)
    .where('expires_at', '>', p.now)
    .orderBy('id')
    .limit(p.limit),
);

const insert = new Statement(({ build }, p: NewRow) =>
  build.insertInto('one_time_tokens').values(pick(p, COLUMNS)),
);

const lock = new Statement((dialect, p: { kind: string; hash: string }) =>
  dialect.lockRows(
    dialect.build
      .selectFrom('one_time_tokens')
      .select(COLUMNS)
      .where('hash', '=', p.hash)
      .where('kind', '=', p.kind),
  ),
);

const use = new Statement(({ build }, p: { id: bigint; at: number }) =>
  build.updateTable('one_time_tokens').set({ used_at: p.at }).where('id', '=', p.id),
);

const countTry = new Statement(({ build }, p: { id: bigint }) =>
  build
    .updateTable('one_time_tokens')
    .set((eb) => ({ tries: eb('tries', '+', 1) }))
    .where('id', '=', p.id),
);

const remove = new Statement(({ build }, p: { kind: string; id: bigint }) =>
  build.deleteFrom('one_time_tokens').where('id', '=', p.id).where('kind', '=', p.kind),
);

const removeOfUser = new Statement(({ build }, p: { user: bigint }) =>
  build.deleteFrom('one_time_tokens').where('user_id', '=', p.user),
);

const removeKindOfUser = new Statement(({ build }, p: { user: bigint; kind: string }) =>
  build.deleteFrom('one_time_tokens').where('user_id', '=', p.user).where('kind', '=', p.kind),
);

const findExpired = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('one_time_tokens')
    .select('id')
    .where('expires_at', '<=', p.cutoff)
    .orderBy('expires_at')
    .limit(p.limit),
);

export class OneTimeTokens implements OneTimeTokenQueries, OneTimeTokenCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async open(kind: OneTimeKind, now: number, limit: number): Promise<readonly OneTimeToken[]> {
    return (await open.all(this.#session, { kind, now, limit })).map(tokenOf);
  }

  async insert(token: OneTimeToken): Promise<void> {
    const row: NewRow = {
      id: toId(token.id),
      kind: token.kind,
      hash: token.hash,
      user_id: token.userId === undefined ? null : toId(token.userId),
      data: JSON.stringify(token.data),
      created_at: token.createdAt,
      expires_at: token.expiresAt,
      used_at: token.usedAt ?? null,
      tries: token.tries,
    };
    await unique(insert.run(this.#session, row), () => 'This one-time token exists already.');
  }

  async lock(kind: OneTimeKind, hash: string): Promise<OneTimeToken | undefined> {
    const row = await lock.first(this.#session, { kind, hash });
    return row === undefined ? undefined : tokenOf(row);
  }

  async use(id: string, at: number): Promise<void> {
    await use.run(this.#session, { id: toId(id), at });
  }

  async countTry(id: string): Promise<void> {
    await countTry.run(this.#session, { id: toId(id) });
  }

  async remove(kind: OneTimeKind, id: string): Promise<boolean> {
    return (await remove.run(this.#session, { kind, id: toId(id) })) > 0;
  }

  async removeOfUser(userId: string, kind?: OneTimeKind): Promise<void> {
    const user = toId(userId);
    if (kind === undefined) await removeOfUser.run(this.#session, { user });
    else await removeKindOfUser.run(this.#session, { user, kind });
  }

  async removeExpired(cutoff: number, limit: number): Promise<number> {
    const rows = await findExpired.all(this.#session, { cutoff, limit });
    const { build } = this.#session.dialect;
    for (const ids of chunks(rows.map(({ id }) => BigInt(id)))) {
      await runQuery(this.#session, build.deleteFrom('one_time_tokens').where('id', 'in', ids));
    }
    return rows.length;
  }
}

function tokenOf(row: Selectable<OneTimeTokenTable>): OneTimeToken {
  return {
    id: fromId(row.id),
    kind: row.kind as OneTimeKind,
    hash: row.hash,
    userId: row.user_id === null ? undefined : fromId(row.user_id),
    data: JSON.parse(row.data) as Record<string, unknown>,
    createdAt: toNumber(row.created_at),
    expiresAt: toNumber(row.expires_at),
    usedAt: optionalNumber(row.used_at),
    tries: toNumber(row.tries),
  };
}
