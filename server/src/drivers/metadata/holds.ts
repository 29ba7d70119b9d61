import type { Selectable } from 'kysely';
import type { HoldRecord } from '#core/model/hold.ts';
import type { Uid } from '#core/model/uid.ts';
import type { HoldCommands, HoldQueries } from '#core/ports/metadata/holds.ts';
import { fromId, optionalText, toId, toNumber } from './convert.ts';
import type { HoldTable } from './rows.ts';
import type { Session } from './session.ts';
import { runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

const COLUMNS = ['uid', 'type', 'since', 'reason'] as const;

const of = new Statement(({ build }, p: { uid: bigint }) =>
  build.selectFrom('file_holds').select(COLUMNS).where('uid', '=', p.uid).orderBy('type'),
);

const counts = new Statement(({ build }, p: { most: number }) =>
  build
    .selectFrom((eb) => eb.selectFrom('file_holds').select('type').limit(p.most).as('some'))
    .select(({ fn }) => ['type', fn.countAll().as('count')])
    .groupBy('type')
    .orderBy('type'),
);

const lock = new Statement((dialect, p: { uid: bigint }) =>
  dialect.lockRows(
    dialect.build.selectFrom('file_holds').select(COLUMNS).where('uid', '=', p.uid).orderBy('type'),
  ),
);

const insert = new Statement(
  ({ build }, p: { uid: bigint; type: string; since: number; reason: string | null }) =>
    build.insertInto('file_holds').values({ uid: p.uid, type: p.type, since: p.since, reason: p.reason }),
);

const remove = new Statement(({ build }, p: { uid: bigint; type: string }) =>
  build.deleteFrom('file_holds').where('uid', '=', p.uid).where('type', '=', p.type),
);

const removeAll = new Statement(({ build }, p: { uid: bigint }) =>
  build.deleteFrom('file_holds').where('uid', '=', p.uid),
);

const explain = new Statement(({ build }, p: { uid: bigint; type: string; reason: string }) =>
  build
    .updateTable('file_holds')
    .set({ reason: p.reason })
    .where('uid', '=', p.uid)
    .where('type', '=', p.type),
);

export class Holds implements HoldQueries, HoldCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async of(uid: Uid): Promise<readonly HoldRecord[]> {
    return (await of.all(this.#session, { uid: toId(uid) })).map(holdOf);
  }

  async list(
    after: Pick<HoldRecord, 'uid' | 'type'> | undefined,
    limit: number,
  ): Promise<readonly HoldRecord[]> {
    let query = this.#session.dialect.build
      .selectFrom('file_holds')
      .select(COLUMNS)
      .orderBy('uid')
      .orderBy('type')
      .limit(limit);
    if (after !== undefined) {
      const uid = toId(after.uid);
      // The first condition alone is what the index is entered by.
      query = query
        .where('uid', '>=', uid)
        .where((eb) => eb.or([eb('uid', '>', uid), eb('type', '>', after.type)]));
    }
    return (await runQuery(this.#session, query)).rows.map(holdOf);
  }

  async counts(most: number): Promise<readonly { readonly type: string; readonly count: number }[]> {
    const rows = await counts.all(this.#session, { most });
    return rows.map(({ type, count }) => ({ type, count: toNumber(count) }));
  }

  async insert({ uid, type, since, reason }: HoldRecord): Promise<void> {
    await unique(
      insert.run(this.#session, { uid: toId(uid), type, since, reason: reason ?? null }),
      () => `The file ${uid} is held by "${type}" already.`,
    );
  }

  async lock(uid: Uid): Promise<readonly HoldRecord[]> {
    return (await lock.all(this.#session, { uid: toId(uid) })).map(holdOf);
  }

  async remove(uid: Uid, type?: string): Promise<void> {
    if (type === undefined) await removeAll.run(this.#session, { uid: toId(uid) });
    else await remove.run(this.#session, { uid: toId(uid), type });
  }

  async explain(uid: Uid, type: string, reason: string): Promise<void> {
    await explain.run(this.#session, { uid: toId(uid), type, reason });
  }
}

function holdOf(row: Selectable<HoldTable>): HoldRecord {
  return {
    uid: fromId(row.uid),
    type: row.type,
    since: toNumber(row.since),
    reason: optionalText(row.reason),
  };
}
