import type { Insertable, Selectable } from 'kysely';
import type { Scope, ServiceKey } from '#core/model/principal.ts';
import type { ServiceKeyCommands, ServiceKeyQueries } from '#core/ports/metadata/service-keys.ts';
import { optionalNumber, optionalText, toNumber } from './convert.ts';
import type { ServiceKeyTable } from './rows.ts';
import type { Session } from './session.ts';
import { pick, Statement } from './statement.ts';
import { unique } from './unique.ts';

type Row = Selectable<ServiceKeyTable>;
type NewRow = Required<Insertable<ServiceKeyTable>>;

const COLUMNS = [
  'id',
  'name',
  'owner',
  'scopes',
  'secret_hash',
  'created_at',
  'expires_at',
  'revoked_at',
  'last_used_at',
  'store',
  'name_prefix',
  'last_used_from',
  'former_hash',
  'former_until',
  'former_used_at',
  'rotated_at',
] as const satisfies readonly (keyof NewRow)[];

const find = new Statement(({ build }, p: { id: string }) =>
  build.selectFrom('service_keys').select(COLUMNS).where('id', '=', p.id),
);

const list = new Statement(({ build }, _: object) =>
  build.selectFrom('service_keys').select(COLUMNS).orderBy('created_at').orderBy('id'),
);

const insert = new Statement(({ build }, p: NewRow) =>
  build.insertInto('service_keys').values(pick(p, COLUMNS)),
);

/** The first revocation's time stays. */
const revoke = new Statement(({ build }, p: { id: string; at: number }) =>
  build
    .updateTable('service_keys')
    .set((eb) => ({ revoked_at: eb.fn.coalesce('revoked_at', eb.val(p.at)) }))
    .where('id', '=', p.id),
);

const lock = new Statement((dialect, p: { id: string }) =>
  dialect.lockRows(dialect.build.selectFrom('service_keys').select(COLUMNS).where('id', '=', p.id)),
);

interface Use {
  readonly id: string;
  readonly at: number;
  readonly from: string | null;
}

const touch = new Statement(({ build }, p: Use) =>
  build
    .updateTable('service_keys')
    .set({ last_used_at: p.at, last_used_from: p.from })
    .where('id', '=', p.id)
    .where((eb) => eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<', p.at)])),
);

const touchFormer = new Statement(({ build }, p: Pick<Use, 'id' | 'at'>) =>
  build
    .updateTable('service_keys')
    .set({ former_used_at: p.at })
    .where('id', '=', p.id)
    .where((eb) => eb.or([eb('former_used_at', 'is', null), eb('former_used_at', '<', p.at)])),
);

interface Rotation {
  readonly id: string;
  readonly hash: string;
  readonly former: string | null;
  readonly until: number | null;
  readonly used: number | null;
  readonly at: number | null;
}

const rotate = new Statement(({ build }, p: Rotation) =>
  build
    .updateTable('service_keys')
    .set({
      ...{ secret_hash: p.hash, former_hash: p.former, former_until: p.until },
      ...{ former_used_at: p.used, rotated_at: p.at },
    })
    .where('id', '=', p.id),
);

export class ServiceKeys implements ServiceKeyQueries, ServiceKeyCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<ServiceKey | undefined> {
    const row = await find.first(this.#session, { id });
    return row === undefined ? undefined : keyOf(row);
  }

  async list(): Promise<readonly ServiceKey[]> {
    return (await list.all(this.#session, {})).map(keyOf);
  }

  async insert(key: ServiceKey): Promise<void> {
    const row: NewRow = {
      id: key.id,
      name: key.name,
      owner: key.owner,
      scopes: JSON.stringify(key.scopes),
      secret_hash: key.secretHash,
      created_at: key.createdAt,
      expires_at: key.expiresAt ?? null,
      revoked_at: key.revokedAt ?? null,
      last_used_at: key.lastUsedAt ?? null,
      store: key.store ?? null,
      name_prefix: key.namePrefix ?? null,
      last_used_from: key.lastUsedFrom ?? null,
      former_hash: key.former?.hash ?? null,
      former_until: key.former?.until ?? null,
      former_used_at: key.former?.lastUsedAt ?? null,
      rotated_at: key.rotatedAt ?? null,
    };
    await unique(insert.run(this.#session, row), () => `A service key with id ${key.id} exists already.`);
  }

  async revoke(id: string, at: number): Promise<boolean> {
    return (await revoke.run(this.#session, { id, at })) > 0;
  }

  async touch(id: string, use: { at: number; from: string | undefined; former: boolean }): Promise<void> {
    const { at, from = null, former } = use;
    await touch.run(this.#session, { id, at, from });
    if (former) await touchFormer.run(this.#session, { id, at });
  }

  async lock(id: string): Promise<ServiceKey | undefined> {
    const row = await lock.first(this.#session, { id });
    return row === undefined ? undefined : keyOf(row);
  }

  async rotate(
    id: string,
    { secretHash, former, rotatedAt }: Pick<ServiceKey, 'secretHash' | 'former' | 'rotatedAt'>,
  ): Promise<void> {
    await rotate.run(this.#session, {
      ...{ id, hash: secretHash, at: rotatedAt ?? null },
      ...{ former: former?.hash ?? null, until: former?.until ?? null, used: former?.lastUsedAt ?? null },
    });
  }
}

function keyOf(row: Row): ServiceKey {
  return {
    id: row.id,
    name: row.name,
    owner: row.owner,
    scopes: JSON.parse(row.scopes) as Scope[],
    secretHash: row.secret_hash,
    createdAt: toNumber(row.created_at),
    expiresAt: optionalNumber(row.expires_at),
    revokedAt: optionalNumber(row.revoked_at),
    lastUsedAt: optionalNumber(row.last_used_at),
    store: optionalText(row.store),
    namePrefix: optionalText(row.name_prefix),
    former: formerOf(row),
    lastUsedFrom: optionalText(row.last_used_from),
    rotatedAt: optionalNumber(row.rotated_at),
  };
}

function formerOf({
  former_hash: hash,
  former_until: until,
  former_used_at: used,
}: Row): ServiceKey['former'] {
  if (hash === null || until === null) return undefined;
  return { hash, until: toNumber(until), lastUsedAt: optionalNumber(used) };
}
