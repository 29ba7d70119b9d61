import type { Insertable, Selectable } from 'kysely';
import type { Scope, ServiceKey } from '#core/model/principal.ts';
import type { ServiceKeyCommands, ServiceKeyQueries } from '#core/ports/metadata/service-keys.ts';
import { optionalNumber, toNumber } from './convert.ts';
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

const touch = new Statement(({ build }, p: { id: string; at: number }) =>
  build
    .updateTable('service_keys')
    .set({ last_used_at: p.at })
    .where('id', '=', p.id)
    .where((eb) => eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<', p.at)])),
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
    };
    await unique(insert.run(this.#session, row), () => `A service key with id ${key.id} exists already.`);
  }

  async revoke(id: string, at: number): Promise<boolean> {
    return (await revoke.run(this.#session, { id, at })) > 0;
  }

  async touch(id: string, at: number): Promise<void> {
    await touch.run(this.#session, { id, at });
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
  };
}
