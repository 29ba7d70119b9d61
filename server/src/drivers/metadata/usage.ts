import type { UsageCell, UsageCounts, UsageDimension, UsageTotal } from '#core/model/usage.ts';
import type { UsageCommands, UsageFilter, UsageQueries } from '#core/ports/metadata/usage.ts';
import { toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';

const COLUMN_OF = { day: 'day', owner: 'owner', key: 'key_id', store: 'store' } as const;
const KEY = ['day', 'owner', 'key_id', 'store'] as const;
const COUNTS = [
  'uploads',
  'uploaded_bytes',
  'downloads',
  'downloaded_bytes',
  'failures',
  'duration_ms',
] as const;

type Counts = Record<(typeof COUNTS)[number], number>;
interface Cell extends Counts {
  readonly day: number;
  readonly owner: string;
  readonly key_id: string;
  readonly store: string;
}

const insertCell = new Statement((dialect, p: Pick<Cell, (typeof KEY)[number]>) =>
  dialect.skipTaken(
    dialect.build.insertInto('usage_totals').values({
      ...pick(p, KEY),
      ...{ uploads: 0, uploaded_bytes: 0, downloads: 0, downloaded_bytes: 0, failures: 0, duration_ms: 0 },
    }),
    ['owner', 'day', 'key_id', 'store'],
  ),
);

const addToCell = new Statement(({ build }, p: Cell) =>
  build
    .updateTable('usage_totals')
    .set((eb) => ({
      uploads: eb('uploads', '+', p.uploads),
      uploaded_bytes: eb('uploaded_bytes', '+', p.uploaded_bytes),
      downloads: eb('downloads', '+', p.downloads),
      downloaded_bytes: eb('downloaded_bytes', '+', p.downloaded_bytes),
      failures: eb('failures', '+', p.failures),
      duration_ms: eb('duration_ms', '+', p.duration_ms),
    }))
    .where('owner', '=', p.owner)
    .where('day', '=', p.day)
    .where('key_id', '=', p.key_id)
    .where('store', '=', p.store),
);

const insertSource = new Statement((dialect, p: { source: string; now: number }) =>
  dialect.skipTaken(
    dialect.build.insertInto('usage_sources').values({ source: p.source, number: 0, updated_at: p.now }),
    ['source'],
  ),
);

const lockNumber = new Statement((dialect, p: { source: string }) =>
  dialect.lockRows(dialect.build.selectFrom('usage_sources').select('number').where('source', '=', p.source)),
);

const claimNumber = new Statement(({ build }, p: { source: string; number: number; now: number }) =>
  build
    .updateTable('usage_sources')
    .set({ number: p.number, updated_at: p.now })
    .where('source', '=', p.source)
    .where('number', '<', p.number),
);

const removeDays = new Statement(({ build }, p: { day: number }) =>
  build.deleteFrom('usage_totals').where('day', '<', p.day),
);

const removeSources = new Statement(({ build }, p: { before: number }) =>
  build.deleteFrom('usage_sources').where('updated_at', '<', p.before),
);

export class Usage implements UsageQueries, UsageCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async totals(
    { from, to, owner, key }: UsageFilter,
    by: readonly UsageDimension[],
    limit: number,
  ): Promise<readonly UsageTotal[]> {
    const columns = by.map((dimension) => COLUMN_OF[dimension]);
    let query = this.#session.dialect.build
      .selectFrom('usage_totals')
      .select(({ fn }) => COUNTS.map((column) => fn.sum<number | bigint | string | null>(column).as(column)))
      .where('day', '>=', from)
      .where('day', '<=', to)
      .limit(limit);
    if (owner !== undefined) query = query.where('owner', '=', owner);
    if (key !== undefined) query = query.where('key_id', '=', key);
    const grouped = columns.reduce((q, column) => q.select(column).groupBy(column).orderBy(column), query);
    const { rows } = await runQuery(this.#session, grouped);
    const found = rows as readonly Partial<Record<string, number | bigint | string | null>>[];
    return found
      .map((row) => ({
        ...Object.fromEntries(
          by.map((one) => [one, one === 'day' ? toNumber(row.day ?? 0) : String(row[COLUMN_OF[one]])]),
        ),
        ...countsOf((column) => toNumber(row[column] ?? 0)),
      }))
      .filter(({ uploads, downloads }) => uploads + downloads > 0);
  }

  async claim(source: string, number: number, now: number): Promise<boolean> {
    await insertSource.run(this.#session, { source, now });
    return (await claimNumber.run(this.#session, { source, number, now })) > 0;
  }

  async lastOf(source: string, now: number): Promise<number> {
    await insertSource.run(this.#session, { source, now });
    const row = await lockNumber.first(this.#session, { source });
    return row === undefined ? 0 : toNumber(row.number);
  }

  async add({ day, owner, key, store }: UsageCell, counts: UsageCounts): Promise<void> {
    const cell = { day, owner, key_id: key, store };
    const added = {
      ...cell,
      uploads: counts.uploads,
      uploaded_bytes: counts.uploadedBytes,
      downloads: counts.downloads,
      downloaded_bytes: counts.downloadedBytes,
      failures: counts.failures,
      duration_ms: counts.durationMs,
    };
    if ((await addToCell.run(this.#session, added)) > 0) return;
    await insertCell.run(this.#session, cell);
    await addToCell.run(this.#session, added);
  }

  removeBefore(day: number): Promise<number> {
    return removeDays.run(this.#session, { day });
  }

  async forgetSources(before: number): Promise<void> {
    await removeSources.run(this.#session, { before });
  }
}

function countsOf(read: (column: (typeof COUNTS)[number]) => number): UsageCounts {
  return {
    uploads: read('uploads'),
    uploadedBytes: read('uploaded_bytes'),
    downloads: read('downloads'),
    downloadedBytes: read('downloaded_bytes'),
    failures: read('failures'),
    durationMs: read('duration_ms'),
  };
}
