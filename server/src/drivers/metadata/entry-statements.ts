import { type SelectQueryBuilder, sql } from 'kysely';
import { ENTRY_KINDS, MAX_DEPTH } from '#core/model/entry.ts';
import type { ChildQuery, TimePlace } from '#core/ports/metadata/entries.ts';
import { toId } from './convert.ts';
import { ENTRY_COLUMNS, type NewEntryRow, type NewVersionRow, VERSION_COLUMNS } from './entry-rows.ts';
import type { Tables } from './rows.ts';
import type { Dialect } from './session.ts';
import { pick, Statement } from './statement.ts';

export const findEntry = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('entries').select(ENTRY_COLUMNS).where('id', '=', p.id),
);

export const findChild = new Statement(({ build }, p: { folder: bigint; key: string }) =>
  build
    .selectFrom('entries')
    .select(ENTRY_COLUMNS)
    .where('live_parent', '=', p.folder)
    .where('name_key', '=', p.key),
);

export const findByFile = new Statement(({ build }, p: { uid: bigint }) =>
  build.selectFrom('entries').select(ENTRY_COLUMNS).where('file_uid', '=', p.uid),
);

export const insertEntry = new Statement(({ build }, p: NewEntryRow) =>
  build.insertInto('entries').values(pick(p, ENTRY_COLUMNS)),
);

export const updateEntry = new Statement(({ build }, p: NewEntryRow) =>
  build
    .updateTable('entries')
    .set({
      name: p.name,
      name_key: p.name_key,
      parent_id: p.parent_id,
      live_parent: p.live_parent,
      file_uid: p.file_uid,
      size: p.size,
      content_type: p.content_type,
      version: p.version,
      starred_at: p.starred_at,
      modified_at: p.modified_at,
      updated_at: p.updated_at,
      trashed_at: p.trashed_at,
      trashed_from: p.trashed_from,
      job_id: p.job_id,
    })
    .where('id', '=', p.id),
);

export const insertVersion = new Statement(({ build }, p: NewVersionRow) =>
  build.insertInto('entry_versions').values(pick(p, VERSION_COLUMNS)),
);

export const findVersion = new Statement(({ build }, p: { entry: bigint; version: number }) =>
  build
    .selectFrom('entry_versions')
    .select(VERSION_COLUMNS)
    .where('entry_id', '=', p.entry)
    .where('version', '=', p.version),
);

export const listVersions = new Statement(({ build }, p: { entry: bigint; before: number; limit: number }) =>
  build
    .selectFrom('entry_versions')
    .select(VERSION_COLUMNS)
    .where('entry_id', '=', p.entry)
    .where('version', '<', p.before)
    .orderBy('version', 'desc')
    .limit(p.limit),
);

export const trashedBefore = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('entries')
    .select(ENTRY_COLUMNS)
    .where('trashed_at', '<=', p.cutoff)
    .orderBy('trashed_at')
    .orderBy('id')
    .limit(p.limit),
);

/** The chain upwards is as long as the depth that entries may have; a longer one would be a circle. */
const LONGEST = MAX_DEPTH + 2;

/** Entries with those above them: `start` is where each chain begins, `height` how far above it one is. */
export function lineagesFrom({ build }: Dialect, start: LineageStart) {
  return build
    .withRecursive('up', (db) => {
      const first = start.apply(
        db
          .selectFrom('entries')
          .select(['id as start', 'id', 'live_parent', sql<number>`0`.as('height')]) as never,
      ) as unknown as ReturnType<typeof next>;
      const next = () =>
        db
          .selectFrom('up')
          .innerJoin('entries as above', 'above.id', 'up.live_parent')
          .select(['up.start', 'above.id', 'above.live_parent', sql<number>`up.height + 1`.as('height')])
          .where(sql<number>`up.height`, '<', LONGEST);
      return first.unionAll(next() as never);
    })
    .selectFrom('up')
    .innerJoin('entries', 'entries.id', 'up.id')
    .select(['up.start', ...ENTRY_COLUMNS.map((column) => `entries.${column}` as const)])
    .orderBy('up.start')
    .orderBy('up.height');
}

export interface LineageStart {
  apply(query: SelectQueryBuilder<Tables, 'entries', object>): SelectQueryBuilder<Tables, 'entries', object>;
}

const SORT_COLUMNS = { name: 'name_key', size: 'size', time: 'modified_at' } as const;

interface ChildPage {
  readonly folder: bigint;
  readonly value: string | number;
  readonly id: bigint;
  readonly limit: number;
}

/** A page that begins inside is one range of the index: what is equal to the last value first, then what is beyond. */
function childPage(query: ChildQuery) {
  const { sort, kind, descending } = query;
  const begins = query.after !== undefined;
  const column = SORT_COLUMNS[sort];
  const [direction, beyond] = descending ? (['desc', '<'] as const) : (['asc', '>'] as const);
  return new Statement(({ build, readBy }, p: ChildPage) => {
    let page = build
      .selectFrom(begins ? readBy('entries', `entries_by_${sort}`) : 'entries')
      .select(ENTRY_COLUMNS)
      .where('live_parent', '=', p.folder)
      .where('kind', '=', ENTRY_KINDS.indexOf(kind))
      .orderBy(column, direction)
      .orderBy('id', direction)
      .limit(p.limit);
    if (!begins) return page;
    const reaches = descending ? '<=' : '>=';
    page = page.where(column, reaches, p.value as never);
    return page.where((eb) => eb.or([eb(column, beyond, p.value as never), eb('id', beyond, p.id)]));
  });
}

const childPages = new Map<string, ReturnType<typeof childPage>>();

export function childPageOf(query: ChildQuery): ReturnType<typeof childPage> {
  const { sort, kind, descending, after } = query;
  const shape = [sort, kind, descending, after !== undefined].join();
  const built = childPages.get(shape) ?? childPage(query);
  childPages.set(shape, built);
  return built;
}

export function childPageValues({ folderId, after, limit }: ChildQuery): ChildPage {
  return { folder: toId(folderId), value: after?.value ?? 0, id: toId(after?.id ?? '0'), limit };
}

export const childrenByName = new Statement(
  ({ build }, p: { folder: bigint; after: string; limit: number }) =>
    build
      .selectFrom('entries')
      .select(ENTRY_COLUMNS)
      .where('live_parent', '=', p.folder)
      .where('name_key', '>', p.after)
      .orderBy('name_key')
      .limit(p.limit),
);

type TimeColumn = 'trashed_at' | 'modified_at' | 'starred_at';

interface TimePage {
  readonly user: bigint;
  readonly at: number;
  readonly id: bigint;
  readonly limit: number;
}

/** A list of a person's, by a time, the last first. */
const byTime = (column: TimeColumn, index: string) =>
  new Statement(({ build, readBy }, p: TimePage) => {
    let page = build
      .selectFrom(readBy('entries', index))
      .select(ENTRY_COLUMNS)
      .where('user_id', '=', p.user)
      .where(column, '<=', p.at)
      .where((eb) => eb.or([eb(column, '<', p.at), eb('id', '<', p.id)]))
      .orderBy(column, 'desc')
      .orderBy('id', 'desc')
      .limit(p.limit);
    if (column === 'modified_at') page = page.where('kind', '=', ENTRY_KINDS.indexOf('file'));
    return page;
  });

export const listTrashed = byTime('trashed_at', 'entries_trashed');
export const listRecent = byTime('modified_at', 'entries_recent');
export const listStarred = byTime('starred_at', 'entries_starred');

const LAST_ID = 9_223_372_036_854_775_807n;

export function timePageOf(userId: string, after: TimePlace | undefined, limit: number): TimePage {
  const at = after?.at ?? Number.MAX_SAFE_INTEGER;
  return { user: toId(userId), at, id: after === undefined ? LAST_ID : toId(after.id), limit };
}
