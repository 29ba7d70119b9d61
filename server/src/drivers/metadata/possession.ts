import type { Insertable } from 'kysely';
import type { PossessionChallenge } from '#core/model/possession.ts';
import type { PossessionCommands } from '#core/ports/metadata/possession.ts';
import { chunks, fromId, toId, toNumber } from './convert.ts';
import type { PossessionChallengeTable } from './possession-rows.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';

type NewRow = Required<Insertable<PossessionChallengeTable>>;

const COLUMNS = [
  'id',
  'user_id',
  'sha256',
  'size',
  'nonce',
  'created_at',
  'expires_at',
] as const satisfies readonly (keyof NewRow)[];

const insert = new Statement(({ build }, p: NewRow) =>
  build.insertInto('possession_challenges').values(pick(p, COLUMNS)),
);

const lock = new Statement((dialect, p: { id: bigint; userId: bigint }) =>
  dialect.lockRows(
    dialect.build
      .selectFrom('possession_challenges')
      .select(COLUMNS)
      .where('id', '=', p.id)
      .where('user_id', '=', p.userId),
  ),
);

const remove = new Statement(({ build }, p: { id: bigint }) =>
  build.deleteFrom('possession_challenges').where('id', '=', p.id),
);

const findExpired = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('possession_challenges')
    .select('id')
    .where('expires_at', '<=', p.cutoff)
    .orderBy('expires_at')
    .limit(p.limit),
);

export class Possession implements PossessionCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async insert(challenge: PossessionChallenge): Promise<void> {
    await insert.run(this.#session, {
      id: toId(challenge.id),
      user_id: toId(challenge.userId),
      sha256: challenge.sha256,
      size: challenge.size,
      nonce: challenge.nonce,
      created_at: challenge.createdAt,
      expires_at: challenge.expiresAt,
    });
  }

  async take(id: string, userId: string): Promise<PossessionChallenge | undefined> {
    const row = await lock.first(this.#session, { id: toId(id), userId: toId(userId) });
    if (row === undefined) return undefined;
    await remove.run(this.#session, { id: toId(id) });
    return {
      id: fromId(row.id),
      userId: fromId(row.user_id),
      sha256: row.sha256,
      size: toNumber(row.size),
      nonce: row.nonce,
      createdAt: toNumber(row.created_at),
      expiresAt: toNumber(row.expires_at),
    };
  }

  async removeExpired(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await findExpired.all(this.#session, { cutoff, limit });
    for (const ids of chunks(rows.map((row) => BigInt(row.id)))) {
      await runQuery(this.#session, build.deleteFrom('possession_challenges').where('id', 'in', ids));
    }
    return rows.length;
  }
}
