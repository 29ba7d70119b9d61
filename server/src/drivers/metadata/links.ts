import type { Insertable, Selectable } from 'kysely';
import type { LinkRecord, LinkScope } from '#core/model/link.ts';
import type { Uid } from '#core/model/uid.ts';
import type { LinkCommands, LinkQueries } from '#core/ports/metadata/links.ts';
import { chunks, fromId, optionalNumber, toId, toNumber } from './convert.ts';
import type { LinkTable } from './rows.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

type Row = Selectable<LinkTable>;
type NewRow = Required<Insertable<LinkTable>>;

const COLUMNS = [
  'id',
  'uid',
  'owner',
  'scope',
  'disposition',
  'expires_at',
  'max_uses',
  'uses',
  'created_at',
  'revoked_at',
] as const satisfies readonly (keyof NewRow)[];

const find = new Statement(({ build }, p: { id: string }) =>
  build.selectFrom('links').select(COLUMNS).where('id', '=', p.id),
);

const list = new Statement(({ build }, p: { uid: bigint; now: number; limit: number }) =>
  build
    .selectFrom('links')
    .select(COLUMNS)
    .where('uid', '=', p.uid)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', p.now)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(p.limit),
);

const insert = new Statement(({ build }, p: NewRow) => build.insertInto('links').values(pick(p, COLUMNS)));

/** The first revocation's time stays. */
const revoke = new Statement(({ build }, p: { uid: bigint; id: string; at: number }) =>
  build
    .updateTable('links')
    .set((eb) => ({ revoked_at: eb.fn.coalesce('revoked_at', eb.val(p.at)) }))
    .where('id', '=', p.id)
    .where('uid', '=', p.uid),
);

const revokeAll = new Statement(({ build }, p: { uid: bigint; at: number }) =>
  build
    .updateTable('links')
    .set({ revoked_at: p.at })
    .where('uid', '=', p.uid)
    .where('revoked_at', 'is', null),
);

const use = new Statement(({ build }, p: { id: string; now: number }) =>
  build
    .updateTable('links')
    .set((eb) => ({ uses: eb('uses', '+', 1) }))
    .where('id', '=', p.id)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', p.now)
    .where((eb) => eb.or([eb('max_uses', 'is', null), eb('uses', '<', eb.ref('max_uses'))])),
);

const findExpired = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('links')
    .select('id')
    .where('expires_at', '<=', p.cutoff)
    .orderBy('expires_at')
    .limit(p.limit),
);

export class Links implements LinkQueries, LinkCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<LinkRecord | undefined> {
    const row = await find.first(this.#session, { id });
    return row === undefined ? undefined : linkOf(row);
  }

  async list(uid: Uid, now: number, limit: number): Promise<readonly LinkRecord[]> {
    return (await list.all(this.#session, { uid: toId(uid), now, limit })).map(linkOf);
  }

  async insert(link: LinkRecord): Promise<void> {
    const row: NewRow = {
      id: link.id,
      uid: toId(link.uid),
      owner: link.owner,
      scope: link.scope,
      disposition: link.disposition,
      expires_at: link.expiresAt,
      max_uses: link.maxUses ?? null,
      uses: link.uses,
      created_at: link.createdAt,
      revoked_at: link.revokedAt ?? null,
    };
    await unique(insert.run(this.#session, row), () => 'A link with this id exists already.');
  }

  async revoke(uid: Uid, id: string, at: number): Promise<boolean> {
    return (await revoke.run(this.#session, { uid: toId(uid), id, at })) > 0;
  }

  revokeAll(uid: Uid, at: number): Promise<number> {
    return revokeAll.run(this.#session, { uid: toId(uid), at });
  }

  async use(id: string, now: number): Promise<boolean> {
    return (await use.run(this.#session, { id, now })) > 0;
  }

  async removeExpired(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await findExpired.all(this.#session, { cutoff, limit });
    for (const ids of chunks(rows.map((row) => row.id))) {
      await runQuery(this.#session, build.deleteFrom('links').where('id', 'in', ids));
    }
    return rows.length;
  }
}

function linkOf(row: Row): LinkRecord {
  return {
    id: row.id,
    uid: fromId(row.uid),
    owner: row.owner,
    scope: row.scope as LinkScope,
    disposition: row.disposition as LinkRecord['disposition'],
    expiresAt: toNumber(row.expires_at),
    maxUses: optionalNumber(row.max_uses),
    uses: toNumber(row.uses),
    createdAt: toNumber(row.created_at),
    revokedAt: optionalNumber(row.revoked_at),
  };
}
