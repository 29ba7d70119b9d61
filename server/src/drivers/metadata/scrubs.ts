import type { Insertable, Selectable } from 'kysely';
import type { Placement } from '#core/model/blob.ts';
import type { DamageKind, ScrubFinding, ScrubRecord } from '#core/model/scrub.ts';
import type { ScrubCommands, ScrubQueries } from '#core/ports/metadata/scrubs.ts';
import { fromId, optionalNumber, optionalText, toId, toNumber } from './convert.ts';
import type { ScrubFindingTable, ScrubTable } from './rows.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';

type Row = Selectable<ScrubTable>;
type NewRow = Required<Omit<Insertable<ScrubTable>, 'requested_at'>>;
type FindingRow = Selectable<ScrubFindingTable>;
type NewFindingRow = Required<Insertable<ScrubFindingTable>>;

const SAVED = [
  'store',
  'node',
  'round',
  'started_at',
  'ended_at',
  'last_blob',
  'after_blob',
  'blobs',
  'bytes',
  'repaired',
  'damaged',
  'skipped',
  'trouble',
  'updated_at',
] as const satisfies readonly (keyof NewRow)[];
const CHANGING = SAVED.slice(2);
const COLUMNS = [...SAVED, 'requested_at'] as const;

const FINDING_COLUMNS = [
  'store',
  'key',
  'node',
  'blob_id',
  'kind',
  'reason',
  'lost',
  'round',
  'retry_at',
  'found_at',
] as const satisfies readonly (keyof NewFindingRow)[];

const find = new Statement(({ build }, p: { store: string; node: string }) =>
  build.selectFrom('scrubs').select(COLUMNS).where('store', '=', p.store).where('node', '=', p.node),
);

const save = new Statement((dialect, p: NewRow) =>
  dialect.replaceTaken(
    dialect.build.insertInto('scrubs').values(pick(p, SAVED)),
    ['store', 'node'],
    CHANGING,
  ),
);

const request = new Statement(({ build }, p: { at: number }) =>
  build.updateTable('scrubs').set({ requested_at: p.at }).where('ended_at', 'is not', null),
);

const findDue = new Statement(({ build }, p: { store: string; node: string; now: number; limit: number }) =>
  build
    .selectFrom('scrub_findings')
    .select(FINDING_COLUMNS)
    .where('store', '=', p.store)
    .where('node', '=', p.node)
    .where('retry_at', '<=', p.now)
    .orderBy('retry_at')
    .limit(p.limit),
);

const findLost = new Statement(({ build }, p: { blob: bigint }) =>
  build
    .selectFrom('scrub_findings')
    .select(['store', 'node', 'key'])
    .where('blob_id', '=', p.blob)
    .where('lost', '=', 1),
);

const lostBefore = new Statement(({ build }, p: { store: string; key: string }) =>
  build.selectFrom('scrub_findings').select('lost').where('store', '=', p.store).where('key', '=', p.key),
);

const putFinding = new Statement((dialect, p: NewFindingRow) =>
  dialect.replaceTaken(
    dialect.build.insertInto('scrub_findings').values(pick(p, FINDING_COLUMNS)),
    ['store', 'key'],
    ['kind', 'reason', 'lost', 'round', 'retry_at'],
  ),
);

const removeFinding = new Statement(({ build }, p: { store: string; key: string }) =>
  build.deleteFrom('scrub_findings').where('store', '=', p.store).where('key', '=', p.key),
);

const removeBefore = new Statement(({ build }, p: { store: string; node: string; round: number }) =>
  build
    .deleteFrom('scrub_findings')
    .where('store', '=', p.store)
    .where('node', '=', p.node)
    .where('round', '<', p.round),
);

const forgetBlob = new Statement(({ build }, p: { blob: bigint }) =>
  build.deleteFrom('scrub_findings').where('blob_id', '=', p.blob),
);

export class Scrubs implements ScrubQueries, ScrubCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(store: string, node: string | undefined): Promise<ScrubRecord | undefined> {
    const row = await find.first(this.#session, { store, node: node ?? '' });
    return row === undefined ? undefined : recordOf(row);
  }

  async list(): Promise<readonly ScrubRecord[]> {
    const query = this.#session.dialect.build
      .selectFrom('scrubs')
      .select(COLUMNS)
      .orderBy('store')
      .orderBy('node');
    return (await runQuery(this.#session, query)).rows.map(recordOf);
  }

  async findings(limit: number): Promise<readonly ScrubFinding[]> {
    const query = this.#session.dialect.build
      .selectFrom('scrub_findings')
      .select(FINDING_COLUMNS)
      .orderBy('blob_id')
      .limit(limit);
    return (await runQuery(this.#session, query)).rows.map(findingOf);
  }

  async dueFindings(
    store: string,
    node: string | undefined,
    now: number,
    limit: number,
  ): Promise<readonly ScrubFinding[]> {
    const rows = await findDue.all(this.#session, { store, node: node ?? '', now, limit });
    return rows.map(findingOf);
  }

  async lost(blobId: string): Promise<readonly Placement[]> {
    const rows = await findLost.all(this.#session, { blob: toId(blobId) });
    return rows.map(({ store, node, key }) => ({ store, node: nodeOf(node), key }));
  }

  async counts(): Promise<readonly { store: string; lost: boolean; count: number }[]> {
    const query = this.#session.dialect.build
      .selectFrom('scrub_findings')
      .select(['store', 'lost'])
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .groupBy(['store', 'lost']);
    const { rows } = await runQuery(this.#session, query);
    return rows.map(({ store, lost, count }) => ({
      store,
      lost: toNumber(lost) !== 0,
      count: toNumber(count),
    }));
  }

  async save(record: ScrubRecord): Promise<void> {
    await save.run(this.#session, {
      store: record.store,
      node: record.node ?? '',
      round: record.round,
      started_at: record.startedAt,
      ended_at: record.endedAt ?? null,
      last_blob: toId(record.lastBlob),
      after_blob: record.afterBlob === undefined ? null : toId(record.afterBlob),
      blobs: record.blobs,
      bytes: record.bytes,
      repaired: record.repaired,
      damaged: record.damaged,
      skipped: record.skipped,
      trouble: record.trouble ?? null,
      updated_at: record.updatedAt,
    });
  }

  request(at: number): Promise<number> {
    return request.run(this.#session, { at });
  }

  async putFinding(finding: ScrubFinding): Promise<boolean> {
    const { store, key, lost } = finding;
    const before = await lostBefore.first(this.#session, { store, key });
    await putFinding.run(this.#session, {
      store,
      key,
      node: finding.node ?? '',
      blob_id: toId(finding.blobId),
      kind: finding.kind,
      reason: finding.reason,
      lost: Number(lost),
      round: finding.round,
      retry_at: finding.retryAt,
      found_at: finding.foundAt,
    });
    return lost && (before === undefined || toNumber(before.lost) === 0);
  }

  async removeFinding(store: string, key: string): Promise<void> {
    await removeFinding.run(this.#session, { store, key });
  }

  async removeFindingsBefore(store: string, node: string | undefined, round: number): Promise<void> {
    await removeBefore.run(this.#session, { store, node: node ?? '', round });
  }

  async forgetBlob(blobId: string): Promise<void> {
    await forgetBlob.run(this.#session, { blob: toId(blobId) });
  }
}

function nodeOf(node: string): string | undefined {
  return node === '' ? undefined : node;
}

function recordOf(row: Row): ScrubRecord {
  return {
    store: row.store,
    node: nodeOf(row.node),
    round: toNumber(row.round),
    startedAt: toNumber(row.started_at),
    endedAt: optionalNumber(row.ended_at),
    lastBlob: fromId(row.last_blob),
    afterBlob: row.after_blob === null ? undefined : fromId(row.after_blob),
    blobs: toNumber(row.blobs),
    bytes: toNumber(row.bytes),
    repaired: toNumber(row.repaired),
    damaged: toNumber(row.damaged),
    skipped: toNumber(row.skipped),
    trouble: optionalText(row.trouble),
    requestedAt: optionalNumber(row.requested_at),
    updatedAt: toNumber(row.updated_at),
  };
}

function findingOf(row: FindingRow): ScrubFinding {
  return {
    store: row.store,
    node: nodeOf(row.node),
    key: row.key,
    blobId: fromId(row.blob_id),
    kind: row.kind as DamageKind,
    reason: row.reason,
    lost: toNumber(row.lost) !== 0,
    round: toNumber(row.round),
    retryAt: toNumber(row.retry_at),
    foundAt: toNumber(row.found_at),
  };
}
