import { type Insertable, type Selectable, sql } from 'kysely';
import { OsproxyError } from '#core/errors.ts';
import type { ContentPart } from '#core/model/file.ts';
import type { Manifest } from '#core/model/manifest.ts';
import type { ManifestCommands, ManifestQueries } from '#core/ports/metadata/manifests.ts';
import { Blobs } from './blobs.ts';
import { contentParts } from './content-parts.ts';
import { chunks, fromId, listOf, optionalText, toId, toNumber } from './convert.ts';
import { lockIdleIn } from './idle.ts';
import { forgetGone } from './media.ts';
import type { ManifestPartTable, ManifestTable } from './rows.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

type Row = Selectable<ManifestTable>;
type NewRow = Required<Insertable<ManifestTable>>;
type NewPartRow = Insertable<ManifestPartTable>;

const COLUMNS = [
  'id',
  'size',
  'sha256',
  'md5',
  'sha1',
  'verified',
  'created_at',
  'idle_since',
] as const satisfies readonly (keyof NewRow)[];

const PART_COLUMNS = ['manifest_id', 'seq', 'blob_id', 'size'] as const;
/** States of files whose bytes are kept. */
const COMPLETE = ['ready', 'held'];
/** Manifests of one content that are offered at once. */
const SAME_CONTENT = 4;
/** Parts written by one insert. */
const PARTS_AT_ONCE = 500;

const find = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('manifests').select(COLUMNS).where('id', '=', p.id),
);

const findParts = new Statement(({ build }, p: { id: bigint }) =>
  build
    .selectFrom('manifest_parts')
    .select(['blob_id', 'size'])
    .where('manifest_id', '=', p.id)
    .orderBy('seq'),
);

const insert = new Statement(({ build }, p: NewRow) =>
  build.insertInto('manifests').values(pick(p, COLUMNS)),
);

const insertPart = new Statement(({ build }, p: NewPartRow) =>
  build.insertInto('manifest_parts').values(pick(p, PART_COLUMNS)),
);

const learnSha1 = new Statement(({ build }, p: { id: bigint; sha1: string }) =>
  build.updateTable('manifests').set({ sha1: p.sha1 }).where('id', '=', p.id),
);

const claim = new Statement(({ build }, p: { id: bigint }) =>
  build.updateTable('manifests').set({ idle_since: null }).where('id', '=', p.id),
);

/** A later mark wins: the grace time runs from the last file that went away. */
const markIdle = new Statement(({ build }, p: { id: bigint; at: number }) =>
  build
    .updateTable('manifests')
    .set({ idle_since: p.at })
    .where('id', '=', p.id)
    .where((eb) => eb.or([eb('idle_since', 'is', null), eb('idle_since', '<', p.at)])),
);

interface Content {
  readonly sha256: string;
  readonly md5: string;
  readonly sha1: string;
  readonly size: number;
  readonly owner: string;
  readonly prefix: string;
  readonly characters: number;
}

const DIGESTS = ['sha256', 'md5', 'sha1', 'size'] as const;
type Digest = (typeof DIGESTS)[number];
/** All that are kept, or only those that a ready file names: of anybody, or of one owner. */
type NamedBy = 'all' | 'anybody' | 'owner' | 'prefix';

/** Those of one content that are kept, the least parts first; asked for by what is known of it. */
const findVerified = (by: NamedBy, known: readonly Digest[]) =>
  new Statement(({ build }, p: Content) => {
    let query = build
      .selectFrom('manifests')
      .select(COLUMNS)
      .where('verified', '=', 1)
      .where((eb) => {
        const files = eb
          .selectFrom('files')
          .select(sql`1`.as('one'))
          .whereRef('files.manifest_id', '=', 'manifests.id');
        const ready = files.where('files.state', '=', 'ready');
        const own = ready.where('files.owner', '=', p.owner);
        if (by === 'owner') return eb.exists(own);
        if (by === 'prefix') {
          const start = sql<string>`substr(files.name, 1, ${p.characters})`;
          return eb.exists(own.where(start, '=', p.prefix));
        }
        if (by === 'anybody') return eb.exists(ready);
        return eb.or([eb('idle_since', 'is', null), eb.exists(files.where('files.state', 'in', COMPLETE))]);
      })
      .orderBy((eb) =>
        eb
          .selectFrom('manifest_parts')
          .select((parts) => parts.fn.countAll().as('count'))
          .whereRef('manifest_parts.manifest_id', '=', 'manifests.id'),
      )
      .orderBy('id')
      .limit(SAME_CONTENT);
    for (const column of DIGESTS) if (known.includes(column)) query = query.where(column, '=', p[column]);
    return query;
  });

const verifiedStatements = new Map<string, ReturnType<typeof findVerified>>();

function verifiedOf(
  by: NamedBy,
  content: { readonly [K in Digest]: Content[K] | undefined },
): ReturnType<typeof findVerified> {
  const known = DIGESTS.filter((name) => content[name] !== undefined);
  const shape = [by, ...known].join();
  const built = verifiedStatements.get(shape) ?? findVerified(by, known);
  verifiedStatements.set(shape, built);
  return built;
}

const keep = new Statement((dialect, p: { id: bigint }) =>
  dialect.lockRows(dialect.build.selectFrom('manifests').select('id').where('id', '=', p.id)),
);

const lockIdle = lockIdleIn('manifests');

export class Manifests implements ManifestQueries, ManifestCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<Manifest | undefined> {
    const row = await find.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : this.#withParts(row);
  }

  parts(id: string): Promise<readonly ContentPart[]> {
    return contentParts(this.#session, toId(id));
  }

  /** Idle alone does not mean garbage: another file may still name the manifest. */
  async findVerified(
    digest: { sha256?: string; md5?: string; sha1?: string },
    size: number | undefined,
    named?: { readonly owner: string | undefined; readonly namePrefix?: string | undefined },
  ): Promise<readonly Manifest[]> {
    const { sha256, md5, sha1 } = digest;
    if (sha256 === undefined && md5 === undefined && sha1 === undefined) {
      throw new OsproxyError('InvalidArgument', 'A look-up by content needs a SHA-256, MD5 or SHA-1 digest.');
    }
    const { owner, namePrefix: prefix } = named ?? {};
    const whose = owner === undefined ? 'anybody' : prefix === undefined ? 'owner' : 'prefix';
    const by = named === undefined ? 'all' : whose;
    const rows = await verifiedOf(by, { sha256, md5, sha1, size }).all(this.#session, {
      ...{ sha256: sha256 ?? '', md5: md5 ?? '', sha1: sha1 ?? '', size: size ?? 0, owner: owner ?? '' },
      ...{ prefix: prefix ?? '', characters: [...(prefix ?? '')].length },
    });
    const found: Manifest[] = [];
    for (const row of rows) found.push(await this.#withParts(row));
    return found;
  }

  async insert(manifest: Manifest): Promise<void> {
    const id = toId(manifest.id);
    const row: NewRow = {
      id,
      size: manifest.size,
      sha256: manifest.sha256 ?? null,
      md5: manifest.md5 ?? null,
      sha1: manifest.sha1 ?? null,
      verified: Number(manifest.verified),
      created_at: manifest.createdAt,
      idle_since: null,
    };
    await unique(insert.run(this.#session, row), () => `A manifest with id ${manifest.id} exists already.`);
    const parts = manifest.parts.map((part, seq) => ({
      manifest_id: id,
      seq,
      blob_id: toId(part.blobId),
      size: part.size,
    }));
    const [only] = parts;
    if (only !== undefined && parts.length === 1) {
      await insertPart.run(this.#session, only);
      return;
    }
    const { build } = this.#session.dialect;
    for (let start = 0; start < parts.length; start += PARTS_AT_ONCE) {
      const some = parts.slice(start, start + PARTS_AT_ONCE);
      await runQuery(this.#session, build.insertInto('manifest_parts').values(some));
    }
  }

  async learnSha1(id: string, sha1: string): Promise<void> {
    await learnSha1.run(this.#session, { id: toId(id), sha1 });
  }

  async claim(id: string): Promise<boolean> {
    return (await claim.run(this.#session, { id: toId(id) })) > 0;
  }

  async claimMany(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const { build } = this.#session.dialect;
    const found = new Set<string>();
    for (const list of chunks(ids.map(toId))) {
      const here = build.selectFrom('manifests').select('id').where('id', 'in', list);
      for (const row of (await runQuery(this.#session, here)).rows) found.add(fromId(row.id));
      const claimed = build.updateTable('manifests').set({ idle_since: null }).where('id', 'in', list);
      await runQuery(this.#session, claimed);
    }
    return found;
  }

  async keep(id: string): Promise<boolean> {
    return (await keep.first(this.#session, { id: toId(id) })) !== undefined;
  }

  async markIdle(id: string, at: number): Promise<void> {
    await markIdle.run(this.#session, { id: toId(id), at });
  }

  async markManyIdle(ids: readonly string[], at: number): Promise<void> {
    const { build } = this.#session.dialect;
    for (const list of chunks(ids.map(toId))) {
      const query = build
        .updateTable('manifests')
        .set({ idle_since: at })
        .where('id', 'in', list)
        .where((eb) => eb.or([eb('idle_since', 'is', null), eb('idle_since', '<', at)]));
      await runQuery(this.#session, query);
    }
  }

  async removeIdle(cutoff: number, limit: number): Promise<{ looked: number; removed: number }> {
    const { build } = this.#session.dialect;
    const idle = await lockIdle.all(this.#session, { cutoff, limit });
    let removed = 0;
    for (const list of chunks(idle.map((row) => BigInt(row.id)))) {
      const named = await this.#named(list);
      const free = [...new Set(list)].filter((id) => !named.has(fromId(id)));
      if (named.size > 0) {
        const kept = listOf([...named].map(toId));
        await runQuery(
          this.#session,
          build.updateTable('manifests').set({ idle_since: null }).where('id', 'in', kept),
        );
      }
      if (free.length === 0) continue;
      await this.#remove(listOf(free), cutoff);
      removed += free.length;
    }
    return { looked: idle.length, removed };
  }

  async #remove(ids: bigint[], cutoff: number): Promise<void> {
    const { build } = this.#session.dialect;
    const parts = build
      .selectFrom('manifest_parts')
      .select('blob_id')
      .distinct()
      .where('manifest_id', 'in', ids);
    const blobs = (await runQuery(this.#session, parts)).rows.map((row) => fromId(row.blob_id));
    const verified = build
      .selectFrom('manifests')
      .select(['sha256', 'size'])
      .distinct()
      .where('id', 'in', ids)
      .where('verified', '=', 1);
    const contents = (await runQuery(this.#session, verified)).rows.flatMap(({ sha256, size }) =>
      sha256 === null ? [] : [{ sha256, size: toNumber(size) }],
    );
    await runQuery(this.#session, build.deleteFrom('manifest_parts').where('manifest_id', 'in', ids));
    await runQuery(this.#session, build.deleteFrom('manifests').where('id', 'in', ids));
    await new Blobs(this.#session).markIdle(blobs, cutoff);
    await forgetGone(this.#session, contents, cutoff);
  }

  /** Which of these manifests a file names whose bytes are kept. */
  async #named(ids: readonly bigint[]): Promise<ReadonlySet<string>> {
    const query = this.#session.dialect.build
      .selectFrom('manifests')
      .select('id')
      .where('id', 'in', ids)
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('files')
            .select(sql`1`.as('one'))
            .whereRef('files.manifest_id', '=', 'manifests.id')
            .where('files.state', 'in', COMPLETE),
        ),
      );
    return new Set((await runQuery(this.#session, query)).rows.map((row) => fromId(row.id)));
  }

  async #withParts(row: Row): Promise<Manifest> {
    const parts = await findParts.all(this.#session, { id: BigInt(row.id) });
    return {
      id: fromId(row.id),
      size: toNumber(row.size),
      sha256: optionalText(row.sha256),
      md5: optionalText(row.md5),
      sha1: optionalText(row.sha1),
      verified: toNumber(row.verified) !== 0,
      createdAt: toNumber(row.created_at),
      parts: parts.map((part) => ({ blobId: fromId(part.blob_id), size: toNumber(part.size) })),
    };
  }
}
