import type { Insertable, Selectable } from 'kysely';
import { type Group, groupKeyOf } from '#core/model/group.ts';
import type { GroupCommands, GroupQueries } from '#core/ports/metadata/groups.ts';
import type { GroupTable } from './admin-rows.ts';
import { fromId, optionalNumber, optionalText, toId, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { pick, Statement } from './statement.ts';
import { unique } from './unique.ts';

type Row = Selectable<GroupTable>;
type NewRow = Required<Insertable<GroupTable>>;

const COLUMNS = [
  'id',
  'name',
  'name_key',
  'quota_bytes',
  'store',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof NewRow)[];

const find = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('user_groups').select(COLUMNS).where('id', '=', p.id),
);

const lock = new Statement((dialect, p: { id: bigint }) =>
  dialect.lockRows(dialect.build.selectFrom('user_groups').select(COLUMNS).where('id', '=', p.id)),
);

const list = new Statement(({ build }, p: { limit: number }) =>
  build.selectFrom('user_groups').select(COLUMNS).orderBy('name_key').limit(p.limit),
);

const insert = new Statement(({ build }, p: NewRow) =>
  build.insertInto('user_groups').values(pick(p, COLUMNS)),
);

const update = new Statement(({ build }, p: NewRow) =>
  build
    .updateTable('user_groups')
    .set({
      ...{ name: p.name, name_key: p.name_key, quota_bytes: p.quota_bytes, store: p.store },
      updated_at: p.updated_at,
    })
    .where('id', '=', p.id),
);

const remove = new Statement(({ build }, p: { id: bigint }) =>
  build.deleteFrom('user_groups').where('id', '=', p.id),
);

export class Groups implements GroupQueries, GroupCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<Group | undefined> {
    const row = await find.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : groupOf(row);
  }

  async list(limit: number): Promise<readonly Group[]> {
    return (await list.all(this.#session, { limit })).map(groupOf);
  }

  async insert(group: Group): Promise<void> {
    await unique(insert.run(this.#session, rowOf(group)), () => taken(group));
  }

  async lock(id: string): Promise<Group | undefined> {
    const row = await lock.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : groupOf(row);
  }

  async update(group: Group): Promise<void> {
    await unique(update.run(this.#session, rowOf(group)), () => taken(group));
  }

  async remove(id: string): Promise<boolean> {
    return (await remove.run(this.#session, { id: toId(id) })) > 0;
  }
}

function taken({ name }: Group): string {
  return `There is a group "${name}" already.`;
}

function groupOf(row: Row): Group {
  return {
    id: fromId(row.id),
    name: row.name,
    quotaBytes: optionalNumber(row.quota_bytes),
    store: optionalText(row.store),
    createdAt: toNumber(row.created_at),
    updatedAt: toNumber(row.updated_at),
  };
}

function rowOf(group: Group): NewRow {
  return {
    id: toId(group.id),
    name: group.name,
    name_key: groupKeyOf(group.name),
    quota_bytes: group.quotaBytes ?? null,
    store: group.store ?? null,
    created_at: group.createdAt,
    updated_at: group.updatedAt,
  };
}
