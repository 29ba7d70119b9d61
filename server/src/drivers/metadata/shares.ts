import type { Insertable, Selectable } from 'kysely';
import type { Share, SharePermission, ShareTries, TicketRecord } from '#core/model/share.ts';
import type { ShareCommands, SharePageQuery, ShareQueries } from '#core/ports/metadata/shares.ts';
import {
  chunks,
  fromId,
  listOf,
  optionalNumber,
  optionalText,
  refuseLongList,
  toId,
  toNumber,
} from './convert.ts';
import type { Session } from './session.ts';
import type { ShareTables } from './share-rows.ts';
import { pick, runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

type Row = Selectable<ShareTables['shares']>;
type NewRow = Required<Insertable<ShareTables['shares']>>;

const CHANGING = [
  'permission',
  'label',
  'password',
  'password_epoch',
  'expires_at',
  'max_downloads',
  'downloads',
  'max_uploads',
  'max_upload_bytes',
  'uploads',
  'updated_at',
  'last_used_at',
] as const satisfies readonly (keyof NewRow)[];

const COLUMNS = [
  'id',
  'user_id',
  'entry_id',
  'share_key',
  'key_hash',
  'created_at',
  ...CHANGING,
] as const satisfies readonly (keyof NewRow)[];

const find = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('shares').select(COLUMNS).where('id', '=', p.id),
);

const findByKey = new Statement(({ build }, p: { hash: string }) =>
  build.selectFrom('shares').select(COLUMNS).where('key_hash', '=', p.hash),
);

const lock = new Statement(({ build, lockRows }, p: { id: bigint }) =>
  lockRows(build.selectFrom('shares').select(COLUMNS).where('id', '=', p.id)),
);

type PageParameters = { user: bigint; entry: bigint; after: bigint; limit: number };

const listOfUser = new Statement((dialect, p: PageParameters) =>
  dialect.build
    .selectFrom(dialect.readBy('shares', 'shares_user_id_id'))
    .select(COLUMNS)
    .where('user_id', '=', p.user)
    .where('id', '<', p.after)
    .orderBy('id', 'desc')
    .limit(p.limit),
);

const listOfEntry = new Statement((dialect, p: PageParameters) =>
  dialect.build
    .selectFrom(dialect.readBy('shares', 'shares_entry_id_id'))
    .select(COLUMNS)
    .where('entry_id', '=', p.entry)
    .where('id', '<', p.after)
    .where('user_id', '=', p.user)
    .orderBy('id', 'desc')
    .limit(p.limit),
);

const insert = new Statement(({ build }, p: NewRow) => build.insertInto('shares').values(pick(p, COLUMNS)));

const update = new Statement(({ build }, p: NewRow) =>
  build.updateTable('shares').set(pick(p, CHANGING)).where('id', '=', p.id),
);

const remove = new Statement(({ build }, p: { id: bigint }) =>
  build.deleteFrom('shares').where('id', '=', p.id),
);

const removeVisitsOf = new Statement(({ build }, p: { id: bigint }) =>
  build.deleteFrom('share_visits').where('share_id', '=', p.id),
);

const visit = new Statement(({ build }, p: { share: bigint; visitor: string }) =>
  build
    .selectFrom('share_visits')
    .select('until')
    .where('share_id', '=', p.share)
    .where('visitor', '=', p.visitor),
);

const putVisit = new Statement((dialect, p: { share: bigint; visitor: string; until: number }) =>
  dialect.replaceTaken(
    dialect.build
      .insertInto('share_visits')
      .values({ share_id: p.share, visitor: p.visitor, until: p.until }),
    ['share_id', 'visitor'],
    ['until'],
  ),
);

const oldVisits = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('share_visits')
    .select(['share_id', 'visitor'])
    .where('until', '<=', p.cutoff)
    .orderBy('until')
    .limit(p.limit),
);

const removeVisit = new Statement(({ build }, p: { share: bigint; visitor: string }) =>
  build.deleteFrom('share_visits').where('share_id', '=', p.share).where('visitor', '=', p.visitor),
);

const beginTries = new Statement((dialect, p: { name: string; until: number }) =>
  dialect.skipTaken(
    dialect.build.insertInto('share_tries').values({ name: p.name, count: 0, until: p.until }),
    ['name'],
  ),
);

const lockTries = new Statement(({ build, lockRows }, p: { name: string }) =>
  lockRows(build.selectFrom('share_tries').select(['count', 'until']).where('name', '=', p.name)),
);

const setTries = new Statement(({ build }, p: { name: string; count: number; until: number }) =>
  build.updateTable('share_tries').set({ count: p.count, until: p.until }).where('name', '=', p.name),
);

const oldTries = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('share_tries')
    .select('name')
    .where('until', '<=', p.cutoff)
    .orderBy('until')
    .limit(p.limit),
);

const TICKET = ['hash', 'user_id', 'session_id', 'wish', 'created_at', 'expires_at'] as const;

const findTicket = new Statement(({ build }, p: { hash: string }) =>
  build.selectFrom('drive_tickets').select(TICKET).where('hash', '=', p.hash),
);

const insertTicket = new Statement(({ build }, p: Required<Insertable<ShareTables['drive_tickets']>>) =>
  build.insertInto('drive_tickets').values(pick(p, TICKET)),
);

const takeTicket = new Statement(({ build }, p: { hash: string }) =>
  build.deleteFrom('drive_tickets').where('hash', '=', p.hash),
);

const oldTickets = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('drive_tickets')
    .select('hash')
    .where('expires_at', '<=', p.cutoff)
    .orderBy('expires_at')
    .limit(p.limit),
);

/** Above every id. */
const NEWEST = 9223372036854775807n;

export class Shares implements ShareQueries, ShareCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<Share | undefined> {
    return optionalShare(await find.first(this.#session, { id: toId(id) }));
  }

  async findByKey(hash: string): Promise<Share | undefined> {
    return optionalShare(await findByKey.first(this.#session, { hash }));
  }

  async lock(id: string): Promise<Share | undefined> {
    return optionalShare(await lock.first(this.#session, { id: toId(id) }));
  }

  async list({ userId, entryId, after, limit }: SharePageQuery): Promise<readonly Share[]> {
    const values = {
      user: toId(userId),
      entry: toId(entryId ?? '0'),
      after: after === undefined ? NEWEST : toId(after),
      limit,
    };
    const rows = await (entryId === undefined ? listOfUser : listOfEntry).all(this.#session, values);
    return rows.map(shareOf);
  }

  async sharedAmong(entryIds: readonly string[]): Promise<ReadonlySet<string>> {
    refuseLongList(entryIds, 'entries');
    if (entryIds.length === 0) return new Set();
    const { build } = this.#session.dialect;
    const { rows } = await runQuery(
      this.#session,
      build
        .selectFrom('shares')
        .select('entry_id')
        .distinct()
        .where('entry_id', 'in', listOf(entryIds.map(toId))),
    );
    return new Set(rows.map((row) => fromId(row.entry_id)));
  }

  async insert(share: Share, keyHash: string): Promise<void> {
    await unique(
      insert.run(this.#session, rowOf(share, keyHash)),
      () => 'A share with this key exists already.',
    );
  }

  async update(share: Share): Promise<void> {
    await update.run(this.#session, rowOf(share, ''));
  }

  async remove(id: string): Promise<boolean> {
    await removeVisitsOf.run(this.#session, { id: toId(id) });
    return (await remove.run(this.#session, { id: toId(id) })) > 0;
  }

  async visit(shareId: string, visitor: string): Promise<number | undefined> {
    const row = await visit.first(this.#session, { share: toId(shareId), visitor });
    return row === undefined ? undefined : toNumber(row.until);
  }

  async putVisit(shareId: string, visitor: string, until: number): Promise<void> {
    await putVisit.run(this.#session, { share: toId(shareId), visitor, until });
  }

  async removeVisits(cutoff: number, limit: number): Promise<number> {
    const rows = await oldVisits.all(this.#session, { cutoff, limit });
    for (const { share_id, visitor } of rows) {
      await removeVisit.run(this.#session, { share: toId(fromId(share_id)), visitor });
    }
    return rows.length;
  }

  async lockTries(name: string, until: number): Promise<ShareTries> {
    await beginTries.run(this.#session, { name, until });
    const row = await lockTries.first(this.#session, { name });
    return row === undefined
      ? { count: 0, until }
      : { count: toNumber(row.count), until: toNumber(row.until) };
  }

  async setTries(name: string, { count, until }: ShareTries): Promise<void> {
    await setTries.run(this.#session, { name, count, until });
  }

  async removeTries(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await oldTries.all(this.#session, { cutoff, limit });
    for (const names of chunks(rows.map((row) => row.name))) {
      await runQuery(this.#session, build.deleteFrom('share_tries').where('name', 'in', names));
    }
    return rows.length;
  }

  async findTicket(hash: string): Promise<TicketRecord | undefined> {
    const row = await findTicket.first(this.#session, { hash });
    if (row === undefined) return undefined;
    return {
      hash,
      userId: fromId(row.user_id),
      sessionId: fromId(row.session_id),
      wish: JSON.parse(row.wish),
      createdAt: toNumber(row.created_at),
      expiresAt: toNumber(row.expires_at),
    };
  }

  async insertTicket(ticket: TicketRecord): Promise<void> {
    await insertTicket.run(this.#session, {
      hash: ticket.hash,
      user_id: toId(ticket.userId),
      session_id: toId(ticket.sessionId),
      wish: JSON.stringify(ticket.wish),
      created_at: ticket.createdAt,
      expires_at: ticket.expiresAt,
    });
  }

  async takeTicket(hash: string): Promise<boolean> {
    return (await takeTicket.run(this.#session, { hash })) > 0;
  }

  async removeTickets(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await oldTickets.all(this.#session, { cutoff, limit });
    for (const hashes of chunks(rows.map((row) => row.hash))) {
      await runQuery(this.#session, build.deleteFrom('drive_tickets').where('hash', 'in', hashes));
    }
    return rows.length;
  }
}

/** An entry that is removed takes its shares along. At most 1000 entries. */
export async function removeSharesOf(session: Session, entryIds: readonly bigint[]): Promise<void> {
  const { build } = session.dialect;
  const { rows } = await runQuery(
    session,
    build.selectFrom('shares').select('id').where('entry_id', 'in', entryIds),
  );
  const shares = new Shares(session);
  for (const { id } of rows) await shares.remove(fromId(id));
}

function rowOf(share: Share, keyHash: string): NewRow {
  return {
    id: toId(share.id),
    user_id: toId(share.userId),
    entry_id: toId(share.entryId),
    share_key: share.key,
    key_hash: keyHash,
    permission: share.permission,
    label: share.label ?? null,
    password: share.password ?? null,
    password_epoch: share.passwordEpoch,
    expires_at: share.expiresAt ?? null,
    max_downloads: share.maxDownloads ?? null,
    downloads: share.downloads,
    max_uploads: share.maxUploads ?? null,
    max_upload_bytes: share.maxUploadBytes ?? null,
    uploads: share.uploads,
    created_at: share.createdAt,
    updated_at: share.updatedAt,
    last_used_at: share.lastUsedAt ?? null,
  };
}

function optionalShare(row: Row | undefined): Share | undefined {
  return row === undefined ? undefined : shareOf(row);
}

function shareOf(row: Row): Share {
  return {
    id: fromId(row.id),
    userId: fromId(row.user_id),
    entryId: fromId(row.entry_id),
    key: row.share_key,
    permission: row.permission as SharePermission,
    label: optionalText(row.label),
    password: optionalText(row.password),
    passwordEpoch: toNumber(row.password_epoch),
    expiresAt: optionalNumber(row.expires_at),
    maxDownloads: optionalNumber(row.max_downloads),
    downloads: toNumber(row.downloads),
    maxUploads: optionalNumber(row.max_uploads),
    maxUploadBytes: optionalNumber(row.max_upload_bytes),
    uploads: toNumber(row.uploads),
    createdAt: toNumber(row.created_at),
    updatedAt: toNumber(row.updated_at),
    lastUsedAt: optionalNumber(row.last_used_at),
  };
}
