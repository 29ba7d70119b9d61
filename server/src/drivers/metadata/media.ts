import type { Insertable, Selectable } from 'kysely';
import type { MediaReason, MediaRecord } from '#core/model/media.ts';
import type { MediaCommands, MediaQueries, Rendition, RenditionKey } from '#core/ports/metadata/media.ts';
import { Blobs } from './blobs.ts';
import { chunks, fromId, listOf, optionalNumber, refuseLongList, toId, toNumber } from './convert.ts';
import type { MediaTable } from './rows.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';

type Row = Selectable<MediaTable>;
type NewRow = Required<Insertable<MediaTable>>;

const COLUMNS = [
  'identity',
  'uid',
  'format',
  'width',
  'height',
  'duration_ms',
  'reason',
  'message',
  'probed_at',
] as const satisfies readonly (keyof NewRow)[];

const find = new Statement(({ build }, p: { identity: string }) =>
  build.selectFrom('media').select(COLUMNS).where('identity', '=', p.identity),
);

const findRefused = new Statement(({ build }, p: { reason: string; after: string; limit: number }) =>
  build
    .selectFrom('media')
    .select(COLUMNS)
    .where('reason', '=', p.reason)
    .where('reason', 'is not', null)
    .where('identity', '>', p.after)
    .orderBy('identity')
    .limit(p.limit),
);

const put = new Statement((dialect, p: NewRow) =>
  dialect.replaceTaken(
    dialect.build.insertInto('media').values(pick(p, COLUMNS)),
    ['identity'],
    COLUMNS.slice(1),
  ),
);

const forget = new Statement(({ build }, p: { identity: string }) =>
  build.deleteFrom('media').where('identity', '=', p.identity),
);

const findRendition = new Statement(({ build }, p: RenditionKey) =>
  build
    .selectFrom('renditions')
    .select('blob_id')
    .where('identity', '=', p.identity)
    .where('variant', '=', p.variant),
);

interface Taking extends RenditionKey {
  readonly holder: string;
  readonly now: number;
  readonly until: number;
}

const takeNew = new Statement((dialect, p: Taking) =>
  dialect.skipTaken(
    dialect.build.insertInto('renditions').values({
      ...{
        identity: p.identity,
        variant: p.variant,
        holder: p.holder,
        held_until: p.until,
        created_at: p.now,
      },
    }),
    ['identity', 'variant'],
  ),
);

const takeOver = new Statement(({ build }, p: Taking) =>
  build
    .updateTable('renditions')
    .set({ holder: p.holder, held_until: p.until })
    .where('identity', '=', p.identity)
    .where('variant', '=', p.variant)
    .where('blob_id', 'is', null)
    .where('held_until', '<=', p.now),
);

const putRendition = new Statement((dialect, p: RenditionKey & { blob: bigint; now: number }) =>
  dialect.replaceTaken(
    dialect.build.insertInto('renditions').values({
      ...{ identity: p.identity, variant: p.variant, blob_id: p.blob, created_at: p.now },
    }),
    ['identity', 'variant'],
    ['blob_id'],
  ),
);

const giveUp = new Statement(({ build }, p: RenditionKey & { holder: string }) =>
  build
    .deleteFrom('renditions')
    .where('identity', '=', p.identity)
    .where('variant', '=', p.variant)
    .where('holder', '=', p.holder)
    .where('blob_id', 'is', null),
);

const removeRendition = new Statement(({ build }, p: RenditionKey & { blob: bigint }) =>
  build
    .deleteFrom('renditions')
    .where('identity', '=', p.identity)
    .where('variant', '=', p.variant)
    .where('blob_id', '=', p.blob),
);

const hasManifest = new Statement(({ build }, p: { sha256: string; size: number }) =>
  build
    .selectFrom('manifests')
    .select('id')
    .where('sha256', '=', p.sha256)
    .where('size', '=', p.size)
    .where('verified', '=', 1)
    .limit(1),
);

export class Media implements MediaQueries, MediaCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(identity: string): Promise<MediaRecord | undefined> {
    const row = await find.first(this.#session, { identity });
    return row === undefined ? undefined : recordOf(row);
  }

  async findMany(identities: readonly string[]): Promise<readonly MediaRecord[]> {
    refuseLongList(identities, 'identities');
    if (identities.length === 0) return [];
    const query = this.#session.dialect.build
      .selectFrom('media')
      .select(COLUMNS)
      .where('identity', 'in', listOf(identities));
    return (await runQuery(this.#session, query)).rows.map(recordOf);
  }

  async refused(reason: MediaReason, after = '', limit: number): Promise<readonly MediaRecord[]> {
    return (await findRefused.all(this.#session, { reason, after, limit })).map(recordOf);
  }

  async rendition(key: RenditionKey): Promise<Rendition | undefined> {
    const row = await findRendition.first(this.#session, key);
    if (row === undefined) return undefined;
    const blob = row.blob_id === null ? undefined : fromId(row.blob_id);
    return { blob: blob === undefined ? undefined : await new Blobs(this.#session).find(blob) };
  }

  async put(record: MediaRecord): Promise<void> {
    const { facts, refusal } = record;
    await put.run(this.#session, {
      identity: record.identity,
      uid: toId(record.uid),
      format: facts?.format ?? null,
      width: facts?.width ?? null,
      height: facts?.height ?? null,
      duration_ms: facts?.durationMs ?? null,
      reason: refusal?.reason ?? null,
      message: refusal?.message ?? null,
      probed_at: record.probedAt,
    });
  }

  async forget(identity: string): Promise<void> {
    await forget.run(this.#session, { identity });
  }

  async takeRendition(key: RenditionKey, holder: string, now: number, until: number): Promise<boolean> {
    const taking = { ...key, holder, now, until };
    if ((await takeNew.run(this.#session, taking)) > 0) return true;
    return (await takeOver.run(this.#session, taking)) > 0;
  }

  async putRendition(key: RenditionKey, blobId: string, now: number): Promise<void> {
    const before = await findRendition.first(this.#session, key);
    await putRendition.run(this.#session, { ...key, blob: toId(blobId), now });
    const replaced = before?.blob_id ?? null;
    if (replaced !== null && fromId(replaced) !== blobId)
      await new Blobs(this.#session).markIdle([fromId(replaced)], now);
  }

  async removeRendition(key: RenditionKey, blobId: string, now: number): Promise<void> {
    if ((await removeRendition.run(this.#session, { ...key, blob: toId(blobId) })) > 0)
      await new Blobs(this.#session).markIdle([blobId], now);
  }

  async giveUpRendition(key: RenditionKey, holder: string): Promise<void> {
    await giveUp.run(this.#session, { ...key, holder });
  }
}

/** What is known about contents that no manifest has any more goes, and their pictures are left to purge. */
export async function forgetGone(
  session: Session,
  contents: readonly { readonly sha256: string; readonly size: number }[],
  idleAt: number,
): Promise<void> {
  const gone: string[] = [];
  for (const { sha256, size } of contents) {
    if ((await hasManifest.first(session, { sha256, size })) === undefined) gone.push(`${sha256}:${size}`);
  }
  const { build } = session.dialect;
  for (const list of chunks(gone)) {
    const query = build.selectFrom('renditions').select('blob_id').where('identity', 'in', list);
    const blobs = (await runQuery(session, query)).rows.flatMap(({ blob_id }) =>
      blob_id === null ? [] : [fromId(blob_id)],
    );
    await runQuery(session, build.deleteFrom('renditions').where('identity', 'in', list));
    await runQuery(session, build.deleteFrom('media').where('identity', 'in', list));
    await new Blobs(session).markIdle(blobs, idleAt);
  }
}

function recordOf(row: Row): MediaRecord {
  const base = { identity: row.identity, uid: fromId(row.uid), probedAt: toNumber(row.probed_at) };
  if (row.reason !== null) {
    const refusal = { reason: row.reason as MediaReason, message: row.message ?? '' };
    return { ...base, facts: undefined, refusal };
  }
  const [width, height] = [optionalNumber(row.width), optionalNumber(row.height)];
  const durationMs = optionalNumber(row.duration_ms);
  return { ...base, facts: { format: row.format ?? '', width, height, durationMs }, refusal: undefined };
}
