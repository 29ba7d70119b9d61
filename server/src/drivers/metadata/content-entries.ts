import { sql } from 'kysely';
import type { Entry } from '#core/model/entry.ts';
import { ownerOfUser } from '#core/model/principal.ts';
import type {
  ContentDigest,
  ContentDigests,
  ContentEntryQueries,
} from '#core/ports/metadata/content-entries.ts';
import { fromId, listOf, optionalText, refuseLongList, toId } from './convert.ts';
import { ENTRY_COLUMNS, entryOf } from './entry-rows.ts';
import type { Session } from './session.ts';
import { runQuery, Statement } from './statement.ts';

/** Behind the owners of all people: their ids are decimal. */
const AFTER_PEOPLE = `${ownerOfUser('')}:`;
/** Files, or people, that are found for one content. */
const MOST = 1000;

const having = (by: 'sha1' | 'sha256') =>
  new Statement(({ build }, p: { digest: string; owner: string }) =>
    build
      .selectFrom('manifests')
      .innerJoin('files', 'files.manifest_id', 'manifests.id')
      .select('files.uid')
      .where(`manifests.${by}`, '=', p.digest)
      .where('manifests.verified', '=', 1)
      .where('files.owner', '=', p.owner)
      .where('files.state', '!=', 'deleted')
      // No index has this order: one that is walked from its end would lead past everything else first.
      .orderBy(sql`files.uid + 0`, 'desc')
      .limit(MOST),
  );

const people = (by: 'sha1' | 'sha256') =>
  new Statement(({ build }, p: { digest: string; size: number; first: string; end: string }) =>
    build
      .selectFrom('manifests')
      .innerJoin('files', 'files.manifest_id', 'manifests.id')
      .select('files.owner')
      .distinct()
      .where(`manifests.${by}`, '=', p.digest)
      .where('manifests.size', '=', p.size)
      .where('manifests.verified', '=', 1)
      .where('files.owner', '>=', p.first)
      .where('files.owner', '<', p.end)
      .where('files.state', '=', 'ready')
      .limit(MOST),
  );

const peopleBySha1 = people('sha1');
const peopleBySha256 = people('sha256');
const bySha1 = having('sha1');
const bySha256 = having('sha256');

export class ContentEntries implements ContentEntryQueries {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async having(userId: string, digest: ContentDigest): Promise<readonly Entry[]> {
    const owner = ownerOfUser(userId);
    const files =
      'sha1' in digest
        ? await bySha1.all(this.#session, { digest: digest.sha1, owner })
        : await bySha256.all(this.#session, { digest: digest.sha256, owner });
    if (files.length === 0) return [];
    const query = this.#session.dialect.build
      .selectFrom('entries')
      .select(ENTRY_COLUMNS)
      .where('file_uid', 'in', listOf(files.map(({ uid }) => BigInt(uid))))
      .where('live_parent', 'is not', null);
    const entries = (await runQuery(this.#session, query)).rows.map(entryOf);
    return entries.sort((a, b) => (BigInt(a.id) > BigInt(b.id) ? -1 : 1));
  }

  async peopleHaving(digest: ContentDigest, size: number): Promise<readonly string[]> {
    const range = { size, first: ownerOfUser(''), end: AFTER_PEOPLE };
    const rows =
      'sha1' in digest
        ? await peopleBySha1.all(this.#session, { digest: digest.sha1, ...range })
        : await peopleBySha256.all(this.#session, { digest: digest.sha256, ...range });
    return rows.map(({ owner }) => owner);
  }

  async digestsOf(uids: readonly string[]): Promise<ReadonlyMap<string, ContentDigests>> {
    refuseLongList(uids, 'uids');
    if (uids.length === 0) return new Map();
    const query = this.#session.dialect.build
      .selectFrom('files')
      .innerJoin('manifests', 'manifests.id', 'files.manifest_id')
      .select(['files.uid', 'manifests.sha256', 'manifests.sha1'])
      .where('files.uid', 'in', listOf(uids.map(toId)))
      .where('manifests.verified', '=', 1);
    const { rows } = await runQuery(this.#session, query);
    return new Map(
      rows.map(({ uid, sha256, sha1 }) => [
        fromId(uid),
        { sha256: optionalText(sha256), sha1: optionalText(sha1) },
      ]),
    );
  }
}
