import type { Insertable, Selectable } from 'kysely';
import { emailKeyOf, nameKeyOf, type User, type UserAllowance } from '#core/model/user.ts';
import type { UserCommands, UserQueries } from '#core/ports/metadata/users.ts';
import type { UserTable } from './accounts-rows.ts';
import { fromId, listOf, optionalNumber, optionalText, refuseLongList, toId, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

type Fields = Omit<UserTable, 'password' | 'password_at'>;
type Row = Selectable<Fields>;
type NewRow = Required<Insertable<Fields>>;

const COLUMNS = [
  'id',
  'name',
  'name_key',
  'email',
  'email_key',
  'email_verified_at',
  'display_name',
  'role',
  'state',
  'group_id',
  'quota_bytes',
  'auth_epoch',
  'created_at',
  'updated_at',
  'last_sign_in_at',
] as const satisfies readonly (keyof NewRow)[];

const CHANGING = COLUMNS.filter((column) => column !== 'id' && column !== 'created_at');

const find = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('users').select(COLUMNS).where('id', '=', p.id),
);

const lock = new Statement((dialect, p: { id: bigint }) =>
  dialect.lockRows(dialect.build.selectFrom('users').select(COLUMNS).where('id', '=', p.id)),
);

const allowance = new Statement(({ build }, p: { id: bigint }) =>
  build
    .selectFrom('users')
    .leftJoin('user_groups', 'user_groups.id', 'users.group_id')
    .select(['users.quota_bytes as own_bytes', 'user_groups.id as group_id'])
    .select(['user_groups.name', 'user_groups.quota_bytes', 'user_groups.store'])
    .where('users.id', '=', p.id),
);

const findByName = new Statement(({ build }, p: { key: string }) =>
  build.selectFrom('users').select(COLUMNS).where('name_key', '=', p.key),
);

const findByEmail = new Statement(({ build }, p: { key: string }) =>
  build.selectFrom('users').select(COLUMNS).where('email_key', '=', p.key),
);

const list = new Statement(({ build }, p: { after: bigint; limit: number }) =>
  build.selectFrom('users').select(COLUMNS).where('id', '>', p.after).orderBy('id').limit(p.limit),
);

const startingWith = new Statement(({ build }, p: { from: string; below: string; limit: number }) =>
  build
    .selectFrom('users')
    .select(COLUMNS)
    .where('name_key', '>=', p.from)
    .where('name_key', '<', p.below)
    .orderBy('name_key')
    .limit(p.limit),
);

const ofGroup = new Statement(({ build }, p: { group: bigint; after: bigint; limit: number }) =>
  build
    .selectFrom('users')
    .select(COLUMNS)
    .where('group_id', '=', p.group)
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
);

const admins = new Statement(({ build }, p: { limit: number }) =>
  build
    .selectFrom('users')
    .select(COLUMNS)
    .where('role', '=', 'admin')
    .where('state', '=', 'active')
    .orderBy('id')
    .limit(p.limit),
);

const any = new Statement(({ build }, _: object) => build.selectFrom('users').select('id').limit(1));

const password = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('users').select('password').where('id', '=', p.id),
);

const insert = new Statement(
  ({ build }, p: NewRow & { password: string | null; password_at: number | null }) =>
    build.insertInto('users').values(pick(p, [...COLUMNS, 'password', 'password_at'] as const)),
);

const update = new Statement(({ build }, p: NewRow) =>
  build.updateTable('users').set(pick(p, CHANGING)).where('id', '=', p.id),
);

const setPassword = new Statement(
  ({ build }, p: { id: bigint; password: string | null; at: number | null; now: number }) =>
    build
      .updateTable('users')
      .set({ password: p.password, password_at: p.at, updated_at: p.now })
      .where('id', '=', p.id),
);

const signedIn = new Statement(({ build }, p: { id: bigint; at: number }) =>
  build
    .updateTable('users')
    .set({ last_sign_in_at: p.at })
    .where('id', '=', p.id)
    .where('state', '=', 'active'),
);

const remove = new Statement(({ build }, p: { id: bigint }) =>
  build.deleteFrom('users').where('id', '=', p.id),
);

/** Greater than every text that begins with what stands before it. */
const LAST = '\u{10ffff}';

export class Users implements UserQueries, UserCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<User | undefined> {
    return optional(await find.first(this.#session, { id: toId(id) }));
  }

  async allowance(id: string): Promise<UserAllowance | undefined> {
    const row = await allowance.first(this.#session, { id: toId(id) });
    if (row === undefined) return undefined;
    const { name, quota_bytes, store } = row;
    const group = { name: String(name), quotaBytes: optionalNumber(quota_bytes), store: optionalText(store) };
    return {
      quotaBytes: optionalNumber(row.own_bytes),
      group: row.group_id === null ? undefined : group,
    };
  }

  async lock(id: string): Promise<User | undefined> {
    return optional(await lock.first(this.#session, { id: toId(id) }));
  }

  async findByName(key: string): Promise<User | undefined> {
    return optional(await findByName.first(this.#session, { key }));
  }

  async findByEmail(key: string): Promise<User | undefined> {
    return optional(await findByEmail.first(this.#session, { key }));
  }

  async findMany(ids: readonly string[]): Promise<readonly User[]> {
    refuseLongList(ids, 'users');
    if (ids.length === 0) return [];
    const query = this.#session.dialect.build
      .selectFrom('users')
      .select(COLUMNS)
      .where('id', 'in', listOf(ids.map(toId)));
    return (await runQuery(this.#session, query)).rows.map(userOf);
  }

  async list(after: string | undefined, limit: number): Promise<readonly User[]> {
    return (await list.all(this.#session, { after: toId(after ?? '0'), limit })).map(userOf);
  }

  async startingWith(prefix: string, limit: number): Promise<readonly User[]> {
    const range = { from: prefix, below: `${prefix}${LAST}`, limit };
    return (await startingWith.all(this.#session, range)).map(userOf);
  }

  async ofGroup(groupId: string, after: string | undefined, limit: number): Promise<readonly User[]> {
    const page = { group: toId(groupId), after: toId(after ?? '0'), limit };
    return (await ofGroup.all(this.#session, page)).map(userOf);
  }

  async admins(limit: number): Promise<readonly User[]> {
    return (await admins.all(this.#session, { limit })).map(userOf);
  }

  async any(): Promise<boolean> {
    return (await any.first(this.#session, {})) !== undefined;
  }

  async password(id: string): Promise<string | undefined> {
    return (await password.first(this.#session, { id: toId(id) }))?.password ?? undefined;
  }

  async insert(user: User, kept: string | undefined): Promise<void> {
    const values = { password: kept ?? null, password_at: kept === undefined ? null : user.createdAt };
    await unique(insert.run(this.#session, { ...rowOf(user), ...values }), () => taken(user));
  }

  async update(user: User): Promise<void> {
    await unique(update.run(this.#session, rowOf(user)), () => taken(user));
  }

  async setPassword(id: string, kept: string | undefined, now: number): Promise<void> {
    const at = kept === undefined ? null : now;
    await setPassword.run(this.#session, { id: toId(id), password: kept ?? null, at, now });
  }

  async signedIn(id: string, at: number): Promise<boolean> {
    return (await signedIn.run(this.#session, { id: toId(id), at })) > 0;
  }

  async remove(id: string): Promise<boolean> {
    return (await remove.run(this.#session, { id: toId(id) })) > 0;
  }
}

function taken({ name, email }: User): string {
  return email === undefined
    ? `The name "${name}" is taken.`
    : `The name "${name}" or the e-mail address ${email} is taken.`;
}

function rowOf(user: User): NewRow {
  return {
    id: toId(user.id),
    name: user.name,
    name_key: nameKeyOf(user.name),
    email: user.email ?? null,
    email_key: user.email === undefined ? null : emailKeyOf(user.email),
    email_verified_at: user.emailVerifiedAt ?? null,
    display_name: user.displayName,
    role: user.role,
    state: user.state,
    group_id: user.groupId === undefined ? null : toId(user.groupId),
    quota_bytes: user.quotaBytes ?? null,
    auth_epoch: user.authEpoch,
    created_at: user.createdAt,
    updated_at: user.updatedAt,
    last_sign_in_at: user.lastSignInAt ?? null,
  };
}

function optional(row: Row | undefined): User | undefined {
  return row === undefined ? undefined : userOf(row);
}

function userOf(row: Row): User {
  return {
    id: fromId(row.id),
    name: row.name,
    email: optionalText(row.email),
    emailVerifiedAt: optionalNumber(row.email_verified_at),
    displayName: row.display_name,
    role: row.role as User['role'],
    state: row.state as User['state'],
    groupId: row.group_id === null ? undefined : fromId(row.group_id),
    quotaBytes: optionalNumber(row.quota_bytes),
    authEpoch: toNumber(row.auth_epoch),
    createdAt: toNumber(row.created_at),
    updatedAt: toNumber(row.updated_at),
    lastSignInAt: optionalNumber(row.last_sign_in_at),
  };
}
