import type { Entry, EntryVersion } from '#core/model/entry.ts';
import type { Uid } from '#core/model/uid.ts';
import type { ChildQuery, EntryCommands, EntryQueries, TimePlace } from '#core/ports/metadata/entries.ts';
import { chunks, fromId, listOf, refuseLongList, toId, toNumber } from './convert.ts';
import {
  ENTRY_COLUMNS,
  entryOf,
  rowOfEntry,
  rowOfVersion,
  VERSION_COLUMNS,
  versionOf,
} from './entry-rows.ts';
import {
  childPageOf,
  childPageValues,
  childrenByName,
  findByFile,
  findChild,
  findEntry,
  findVersion,
  insertEntry,
  insertVersion,
  lineagesFrom,
  listRecent,
  listStarred,
  listTrashed,
  listVersions,
  timePageOf,
  trashedBefore,
  updateEntry,
} from './entry-statements.ts';
import { putNames, removeNames } from './name-index.ts';
import type { Session } from './session.ts';
import { removeSharesOf } from './shares.ts';
import { runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

/** Rows of one insert; SQLite takes 32 766 parameters. */
const ROWS_AT_ONCE = 500;

const lineage = new Statement((dialect, p: { id: bigint }) =>
  lineagesFrom(dialect, { apply: (query) => query.where('id', '=', p.id) }),
);

const NAME_COLUMNS = ['id', 'user_id', 'name_key'] as const;

const findName = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('entries').select(NAME_COLUMNS).where('id', '=', p.id),
);

export class Entries implements EntryQueries, EntryCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<Entry | undefined> {
    const row = await findEntry.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : entryOf(row);
  }

  async findMany(ids: readonly string[]): Promise<readonly Entry[]> {
    refuseLongList(ids, 'ids');
    if (ids.length === 0) return [];
    const query = this.#all().where('id', 'in', listOf(ids.map(toId)));
    return (await runQuery(this.#session, query)).rows.map(entryOf);
  }

  async lineage(id: string): Promise<readonly Entry[]> {
    return (await lineage.all(this.#session, { id: toId(id) })).map(entryOf);
  }

  async lineages(ids: readonly string[]): Promise<ReadonlyMap<string, readonly Entry[]>> {
    refuseLongList(ids, 'ids');
    const found = new Map<string, Entry[]>();
    if (ids.length === 0) return found;
    const list = listOf([...new Set(ids)].map(toId));
    const query = lineagesFrom(this.#session.dialect, { apply: (q) => q.where('id', 'in', list) });
    for (const row of (await runQuery(this.#session, query)).rows) {
      const start = fromId(row.start);
      const entries = found.get(start) ?? [];
      entries.push(entryOf(row));
      found.set(start, entries);
    }
    return found;
  }

  async child(folderId: string, nameKey: string): Promise<Entry | undefined> {
    const row = await findChild.first(this.#session, { folder: toId(folderId), key: nameKey });
    return row === undefined ? undefined : entryOf(row);
  }

  async takenKeys(folderId: string, nameKeys: readonly string[]): Promise<ReadonlySet<string>> {
    refuseLongList(nameKeys, 'names');
    if (nameKeys.length === 0) return new Set();
    const query = this.#session.dialect.build
      .selectFrom('entries')
      .select('name_key')
      .where('live_parent', '=', toId(folderId))
      .where('name_key', 'in', listOf(nameKeys));
    return new Set((await runQuery(this.#session, query)).rows.map((row) => row.name_key));
  }

  async children(query: ChildQuery): Promise<readonly Entry[]> {
    const rows = await childPageOf(query).all(this.#session, childPageValues(query));
    return rows.map(entryOf);
  }

  async childrenByName(folderId: string, after = '', limit: number): Promise<readonly Entry[]> {
    const rows = await childrenByName.all(this.#session, { folder: toId(folderId), after, limit });
    return rows.map(entryOf);
  }

  async foldersIn(folderIds: readonly string[], limit: number): Promise<readonly string[]> {
    refuseLongList(folderIds, 'folders');
    if (folderIds.length === 0) return [];
    const query = this.#session.dialect.build
      .selectFrom('entries')
      .select('id')
      .where('live_parent', 'in', listOf(folderIds.map(toId)))
      .where('kind', '=', 0)
      .limit(limit);
    return (await runQuery(this.#session, query)).rows.map((row) => fromId(row.id));
  }

  async inAny(folderIds: readonly string[], limit: number): Promise<readonly Entry[]> {
    refuseLongList(folderIds, 'folders');
    if (folderIds.length === 0) return [];
    const query = this.#all()
      .where('live_parent', 'in', listOf(folderIds.map(toId)))
      .limit(limit);
    return (await runQuery(this.#session, query)).rows.map(entryOf);
  }

  async totals(folderIds: readonly string[]): Promise<{ entries: number; bytes: number }> {
    refuseLongList(folderIds, 'folders');
    if (folderIds.length === 0) return { entries: 0, bytes: 0 };
    const query = this.#session.dialect.build
      .selectFrom('entries')
      .select((eb) => [eb.fn.countAll().as('entries'), eb.fn.sum('size').as('bytes')])
      .where('live_parent', 'in', [...new Set(folderIds)].map(toId));
    const [row] = (await runQuery(this.#session, query)).rows;
    return { entries: toNumber(row?.entries ?? 0), bytes: toNumber(row?.bytes ?? 0) };
  }

  async trashed(userId: string, after: TimePlace | undefined, limit: number): Promise<readonly Entry[]> {
    return (await listTrashed.all(this.#session, timePageOf(userId, after, limit))).map(entryOf);
  }

  async trashedBefore(cutoff: number, limit: number): Promise<readonly Entry[]> {
    return (await trashedBefore.all(this.#session, { cutoff, limit })).map(entryOf);
  }

  async recent(userId: string, after: TimePlace | undefined, limit: number): Promise<readonly Entry[]> {
    return (await listRecent.all(this.#session, timePageOf(userId, after, limit))).map(entryOf);
  }

  async starred(userId: string, after: TimePlace | undefined, limit: number): Promise<readonly Entry[]> {
    return (await listStarred.all(this.#session, timePageOf(userId, after, limit))).map(entryOf);
  }

  async findByFile(uid: Uid): Promise<Entry | undefined> {
    const row = await findByFile.first(this.#session, { uid: toId(uid) });
    return row === undefined ? undefined : entryOf(row);
  }

  async namedFiles(uids: readonly Uid[]): Promise<ReadonlySet<Uid>> {
    refuseLongList(uids, 'uids');
    const named = new Set<Uid>();
    if (uids.length === 0) return named;
    const list = listOf(uids.map(toId));
    for (const table of ['entries', 'entry_versions'] as const) {
      const query = this.#session.dialect.build
        .selectFrom(table)
        .select('file_uid')
        .where('file_uid', 'in', list);
      for (const { file_uid } of (await runQuery(this.#session, query)).rows) {
        if (file_uid !== null) named.add(fromId(file_uid));
      }
    }
    return named;
  }

  async scan(after: string | undefined, limit: number): Promise<readonly Entry[]> {
    const query = this.#all()
      .where('id', '>', toId(after ?? '0'))
      .orderBy('id')
      .limit(limit);
    return (await runQuery(this.#session, query)).rows.map(entryOf);
  }

  async versions(
    entryId: string,
    before: number | undefined,
    limit: number,
  ): Promise<readonly EntryVersion[]> {
    const page = { entry: toId(entryId), before: before ?? Number.MAX_SAFE_INTEGER, limit };
    return (await listVersions.all(this.#session, page)).map(versionOf);
  }

  async findVersion(entryId: string, version: number): Promise<EntryVersion | undefined> {
    const row = await findVersion.first(this.#session, { entry: toId(entryId), version });
    return row === undefined ? undefined : versionOf(row);
  }

  async versionsOf(entryIds: readonly string[], limit?: number): Promise<readonly EntryVersion[]> {
    refuseLongList(entryIds, 'entries');
    if (entryIds.length === 0) return [];
    const query = this.#session.dialect.build
      .selectFrom('entry_versions')
      .select(VERSION_COLUMNS)
      .where('entry_id', 'in', listOf(entryIds.map(toId)))
      .orderBy('entry_id')
      .orderBy('version');
    const some = limit === undefined ? query : query.limit(limit);
    return (await runQuery(this.#session, some)).rows.map(versionOf);
  }

  async insert(entry: Entry): Promise<void> {
    const row = rowOfEntry(entry);
    await unique(insertEntry.run(this.#session, row), () => taken(entry));
    await putNames(this.#session, [row]);
  }

  async insertMany(entries: readonly Entry[]): Promise<void> {
    const { build } = this.#session.dialect;
    for (let start = 0; start < entries.length; start += ROWS_AT_ONCE) {
      const rows = entries.slice(start, start + ROWS_AT_ONCE).map(rowOfEntry);
      const insert = runQuery(this.#session, build.insertInto('entries').values(rows));
      await unique(insert, () => 'One of these names is taken in its folder.');
      await putNames(this.#session, rows);
    }
  }

  async update(entry: Entry): Promise<void> {
    const row = rowOfEntry(entry);
    const before = await findName.first(this.#session, { id: row.id });
    await unique(updateEntry.run(this.#session, row), () => taken(entry));
    if (before === undefined || before.name_key === row.name_key) return;
    await removeNames(this.#session, [before]);
    await putNames(this.#session, [row]);
  }

  async remove(ids: readonly string[]): Promise<void> {
    const { build } = this.#session.dialect;
    for (const list of chunks(ids.map(toId))) {
      const named = build.selectFrom('entries').select(NAME_COLUMNS).where('id', 'in', list);
      await removeNames(this.#session, (await runQuery(this.#session, named)).rows);
      await runQuery(this.#session, build.deleteFrom('entry_versions').where('entry_id', 'in', list));
      await removeSharesOf(this.#session, list);
      await runQuery(this.#session, build.deleteFrom('entries').where('id', 'in', list));
    }
  }

  async detach(ids: readonly string[], jobId: string): Promise<void> {
    const { build } = this.#session.dialect;
    const set = { live_parent: null, trashed_at: null, starred_at: null, job_id: toId(jobId) };
    for (const list of chunks(ids.map(toId))) {
      await runQuery(this.#session, build.updateTable('entries').set(set).where('id', 'in', list));
    }
  }

  async insertVersions(versions: readonly EntryVersion[]): Promise<void> {
    for (const version of versions) await insertVersion.run(this.#session, rowOfVersion(version));
  }

  async removeVersions(entryId: string, versions: readonly number[]): Promise<void> {
    const { build } = this.#session.dialect;
    for (const list of chunks(versions)) {
      const query = build
        .deleteFrom('entry_versions')
        .where('entry_id', '=', toId(entryId))
        .where('version', 'in', list);
      await runQuery(this.#session, query);
    }
  }

  #all() {
    return this.#session.dialect.build.selectFrom('entries').select(ENTRY_COLUMNS);
  }
}

function taken({ name }: Entry): string {
  return `The name "${name}" is taken in this folder.`;
}
