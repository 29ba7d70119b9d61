import type { Insertable } from 'kysely';
import type {
  IdempotencyCommands,
  IdempotencyQueries,
  IdempotencyRecord,
} from '#core/ports/metadata/idempotency.ts';
import { fromId, toId, toNumber } from './convert.ts';
import type { IdempotencyTable } from './rows.ts';
import type { Session } from './session.ts';
import { pick, Statement } from './statement.ts';
import { unique } from './unique.ts';

type NewRow = Insertable<IdempotencyTable>;

const COLUMNS = ['owner', 'key', 'fingerprint', 'uid', 'created_at'] as const;

const find = new Statement(({ build }, p: { owner: string; key: string }) =>
  build.selectFrom('idempotency').select(COLUMNS).where('owner', '=', p.owner).where('key', '=', p.key),
);

const insert = new Statement(({ build }, p: NewRow) =>
  build.insertInto('idempotency').values(pick(p, COLUMNS)),
);

const findOld = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('idempotency')
    .select(['owner', 'key'])
    .where('created_at', '<=', p.cutoff)
    .orderBy('created_at')
    .limit(p.limit),
);

const remove = new Statement(({ build }, p: { owner: string; key: string }) =>
  build.deleteFrom('idempotency').where('owner', '=', p.owner).where('key', '=', p.key),
);

export class Idempotency implements IdempotencyQueries, IdempotencyCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(owner: string, key: string): Promise<IdempotencyRecord | undefined> {
    const row = await find.first(this.#session, { owner, key });
    if (row === undefined) return undefined;
    const { fingerprint } = row;
    return { owner, key, fingerprint, uid: fromId(row.uid), createdAt: toNumber(row.created_at) };
  }

  async insert(record: IdempotencyRecord): Promise<void> {
    const row: NewRow = {
      owner: record.owner,
      key: record.key,
      fingerprint: record.fingerprint,
      uid: toId(record.uid),
      created_at: record.createdAt,
    };
    await unique(insert.run(this.#session, row), () => 'This idempotency key was used already.');
  }

  async removeOld(cutoff: number, limit: number): Promise<number> {
    const rows = await findOld.all(this.#session, { cutoff, limit });
    for (const row of rows) await remove.run(this.#session, row);
    return rows.length;
  }
}
