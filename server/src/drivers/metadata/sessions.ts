import type { Insertable, Selectable } from 'kysely';
import type { Origin, RefreshToken, Session as SessionRecord, SessionState } from '#core/model/session.ts';
import type { SessionCommands, SessionQueries } from '#core/ports/metadata/sessions.ts';
import type { RefreshTokenTable, SessionTable } from './accounts-rows.ts';
import { chunks, fromId, optionalNumber, optionalText, toId, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';

type Row = Selectable<SessionTable>;
type NewRow = Required<Insertable<SessionTable>>;
type NewToken = Required<Insertable<RefreshTokenTable>>;

const COLUMNS = [
  'id',
  'user_id',
  'how',
  'created_at',
  'last_seen_at',
  'expires_at',
  'ended_at',
  'address',
  'agent',
] as const satisfies readonly (keyof NewRow)[];

const TOKEN_COLUMNS = ['hash', 'session_id', 'expires_at', 'used_at', 'nonce'] as const;

const find = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('sessions').select(COLUMNS).where('id', '=', p.id),
);

const state = new Statement(({ build }, p: { id: bigint }) =>
  build
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select([
      'sessions.user_id',
      'sessions.expires_at',
      'sessions.ended_at',
      'users.role',
      'users.state',
      'users.auth_epoch',
    ])
    .where('sessions.id', '=', p.id),
);

const ofUser = new Statement(({ build }, p: { user: bigint; now: number; limit: number }) =>
  build
    .selectFrom('sessions')
    .select(COLUMNS)
    .where('user_id', '=', p.user)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', p.now)
    .orderBy('id', 'desc')
    .limit(p.limit),
);

const insert = new Statement(({ build }, p: NewRow) => build.insertInto('sessions').values(pick(p, COLUMNS)));

interface GoingOn {
  readonly id: bigint;
  readonly at: number;
  readonly until: number;
  readonly address: string | null;
  readonly agent: string | null;
}

const goOn = new Statement(({ build }, p: GoingOn) =>
  build
    .updateTable('sessions')
    .set({ last_seen_at: p.at, expires_at: p.until, address: p.address, agent: p.agent })
    .where('id', '=', p.id)
    .where('ended_at', 'is', null),
);

const end = new Statement(({ build }, p: { user: bigint; id: bigint; at: number }) =>
  build
    .updateTable('sessions')
    .set({ ended_at: p.at })
    .where('id', '=', p.id)
    .where('user_id', '=', p.user)
    .where('ended_at', 'is', null),
);

const endAll = new Statement(({ build }, p: { user: bigint; except: bigint; at: number }) =>
  build
    .updateTable('sessions')
    .set({ ended_at: p.at })
    .where('user_id', '=', p.user)
    .where('ended_at', 'is', null)
    .where('id', '!=', p.except),
);

const idsOfUser = new Statement(({ build }, p: { user: bigint }) =>
  build.selectFrom('sessions').select('id').where('user_id', '=', p.user),
);

const findOver = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('sessions')
    .select('id')
    .where('expires_at', '<=', p.cutoff)
    .orderBy('expires_at')
    .limit(p.limit),
);

const findOldTokens = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('refresh_tokens')
    .select('hash')
    .where('expires_at', '<=', p.cutoff)
    .orderBy('expires_at')
    .limit(p.limit),
);

const insertToken = new Statement(({ build }, p: NewToken) =>
  build.insertInto('refresh_tokens').values(pick(p, TOKEN_COLUMNS)),
);

const lockToken = new Statement((dialect, p: { hash: string }) =>
  dialect.lockRows(
    dialect.build.selectFrom('refresh_tokens').select(TOKEN_COLUMNS).where('hash', '=', p.hash),
  ),
);

const useToken = new Statement(({ build }, p: { hash: string; at: number; nonce: string }) =>
  build.updateTable('refresh_tokens').set({ used_at: p.at, nonce: p.nonce }).where('hash', '=', p.hash),
);

export class Sessions implements SessionQueries, SessionCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<SessionRecord | undefined> {
    const row = await find.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : sessionOf(row);
  }

  async state(id: string): Promise<SessionState | undefined> {
    const row = await state.first(this.#session, { id: toId(id) });
    if (row === undefined) return undefined;
    return {
      userId: fromId(row.user_id),
      expiresAt: toNumber(row.expires_at),
      endedAt: optionalNumber(row.ended_at),
      role: row.role as SessionState['role'],
      state: row.state as SessionState['state'],
      authEpoch: toNumber(row.auth_epoch),
    };
  }

  async ofUser(userId: string, now: number, limit: number): Promise<readonly SessionRecord[]> {
    return (await ofUser.all(this.#session, { user: toId(userId), now, limit })).map(sessionOf);
  }

  async insert(session: SessionRecord): Promise<void> {
    await insert.run(this.#session, {
      id: toId(session.id),
      user_id: toId(session.userId),
      how: session.how,
      created_at: session.createdAt,
      last_seen_at: session.lastSeenAt,
      expires_at: session.expiresAt,
      ended_at: session.endedAt ?? null,
      address: session.address ?? null,
      agent: session.agent ?? null,
    });
  }

  async goOn(id: string, at: number, until: number, from: Origin): Promise<boolean> {
    const [address, agent] = [from.address ?? null, from.agent ?? null];
    return (await goOn.run(this.#session, { id: toId(id), at, until, address, agent })) > 0;
  }

  async end(userId: string, id: string, at: number): Promise<boolean> {
    return (await end.run(this.#session, { user: toId(userId), id: toId(id), at })) > 0;
  }

  endAll(userId: string, at: number, except = '0'): Promise<number> {
    return endAll.run(this.#session, { user: toId(userId), except: toId(except), at });
  }

  async removeOfUser(userId: string): Promise<void> {
    const rows = await idsOfUser.all(this.#session, { user: toId(userId) });
    await this.#remove(rows.map(({ id }) => BigInt(id)));
  }

  async removeOld(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const tokens = await findOldTokens.all(this.#session, { cutoff, limit });
    for (const hashes of chunks(tokens.map(({ hash }) => hash))) {
      await runQuery(this.#session, build.deleteFrom('refresh_tokens').where('hash', 'in', hashes));
    }
    const over = await findOver.all(this.#session, { cutoff, limit });
    await this.#remove(over.map(({ id }) => BigInt(id)));
    return tokens.length + over.length;
  }

  async insertToken(token: RefreshToken): Promise<void> {
    await insertToken.run(this.#session, {
      hash: token.hash,
      session_id: toId(token.sessionId),
      expires_at: token.expiresAt,
      used_at: token.usedAt ?? null,
      nonce: token.nonce ?? null,
    });
  }

  async lockToken(hash: string): Promise<RefreshToken | undefined> {
    const row = await lockToken.first(this.#session, { hash });
    if (row === undefined) return undefined;
    return {
      hash,
      sessionId: fromId(row.session_id),
      expiresAt: toNumber(row.expires_at),
      usedAt: optionalNumber(row.used_at),
      nonce: optionalText(row.nonce),
    };
  }

  async useToken(hash: string, at: number, nonce: string): Promise<void> {
    await useToken.run(this.#session, { hash, at, nonce });
  }

  async #remove(ids: readonly bigint[]): Promise<void> {
    const { build } = this.#session.dialect;
    for (const some of chunks(ids)) {
      await runQuery(this.#session, build.deleteFrom('refresh_tokens').where('session_id', 'in', some));
      await runQuery(this.#session, build.deleteFrom('sessions').where('id', 'in', some));
    }
  }
}

function sessionOf(row: Row): SessionRecord {
  return {
    id: fromId(row.id),
    userId: fromId(row.user_id),
    how: row.how,
    createdAt: toNumber(row.created_at),
    lastSeenAt: toNumber(row.last_seen_at),
    expiresAt: toNumber(row.expires_at),
    endedAt: optionalNumber(row.ended_at),
    address: optionalText(row.address),
    agent: optionalText(row.agent),
  };
}
