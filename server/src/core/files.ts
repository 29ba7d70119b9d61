import { authorOf, checkAuthor, isWithin, mayTouch, visibleTo } from './access.ts';
import type { Downloads } from './downloads.ts';
import { OsproxyError } from './errors.ts';
import { fileEvent } from './events/facts.ts';
import type { FileRecords } from './file-records.ts';
import type { FileContent, FileRecord } from './model/file.ts';
import type { Principal, ServicePrincipal } from './model/principal.ts';
import type { Uid } from './model/uid.ts';
import { checkName } from './names.ts';
import type { Clock } from './ports/clock.ts';
import type { ContentTyper } from './ports/content-typer.ts';
import type { FilePageQuery } from './ports/metadata/files.ts';
import type { Metadata } from './ports/metadata.ts';

type FileListQuery = Pick<FilePageQuery, 'after' | 'limit' | 'namePrefix'>;

export interface FilePage {
  readonly files: readonly FileRecord[];
  /** Pass as `after` for the next page; undefined on the last one. */
  readonly next: Uid | undefined;
}

/** What can be done with a file by its uid. What a principal may not see does not exist for it. */
export class Files {
  readonly #metadata: Metadata;
  readonly #records: FileRecords;
  readonly #downloads: Downloads;
  readonly #typer: ContentTyper;
  readonly #clock: Clock;

  constructor(options: {
    metadata: Metadata;
    records: FileRecords;
    downloads: Downloads;
    typer: ContentTyper;
    clock: Clock;
  }) {
    this.#metadata = options.metadata;
    this.#records = options.records;
    this.#downloads = options.downloads;
    this.#typer = options.typer;
    this.#clock = options.clock;
  }

  /** A file of any state but deleted with its manifest; throws NotFound. */
  async find(principal: Principal, uid: Uid): Promise<FileContent> {
    const content = await this.#records.find(uid);
    if (content === undefined || !mayTouch(principal, content.file)) throw noFile(uid);
    return content;
  }

  /** As find, for reading the bytes: a held file is refused, and a rejected one with its reason. */
  async findReadable(principal: Principal, uid: Uid): Promise<FileContent> {
    return readable(await this.find(principal, uid));
  }

  /** For callers that check a signature over the uid themselves: the state of this moment; undefined for any uid that is no file. */
  findSigned(uid: Uid): Promise<FileContent | undefined> {
    return this.#records.findCurrent(uid);
  }

  /** Those of the uids that the principal may see, by uid. */
  async findMany(principal: Principal, uids: readonly Uid[]): Promise<ReadonlyMap<Uid, FileRecord>> {
    const files = await this.#metadata.files.findMany([...new Set(uids)]);
    const visible = files.filter((file) => file.state !== 'deleted' && mayTouch(principal, file));
    return new Map(visible.map((file) => [file.uid, file]));
  }

  /** Those that the principal may see, newest first. */
  async list(principal: ServicePrincipal, asked: FileListQuery): Promise<FilePage> {
    const { owner, namePrefix = '' } = visibleTo(principal);
    const { namePrefix: wanted = '', ...query } = asked;
    // Of two prefixes the longer one says more, where they agree; else no name has both.
    const longer = wanted.length > namePrefix.length ? wanted : namePrefix;
    if (!isWithin(wanted, longer) || !isWithin(namePrefix, longer)) return { files: [], next: undefined };
    const prefix = longer === '' ? undefined : longer;
    const files = await this.#records.list({ ...query, owner, namePrefix: prefix, limit: query.limit + 1 });
    const page = files.slice(0, query.limit);
    return { files: page, next: files.length > query.limit ? page.at(-1)?.uid : undefined };
  }

  /** Gives the file another name; its content type follows from content and name. */
  async rename(principal: Principal, uid: Uid, name: string, signal?: AbortSignal): Promise<FileRecord> {
    checkName(name);
    const content = await this.find(principal, uid);
    checkAuthor(authorOf(principal), name);
    const contentType = await this.#typer.detect(await this.#downloads.readHead(content, signal), name);
    const now = this.#clock.now();
    const renamed = await this.#metadata.transaction(async (repositories) => {
      const file = await repositories.files.find(uid);
      if (file === undefined || file.state === 'deleted' || !mayTouch(principal, file)) throw noFile(uid);
      if (file.name === name && file.contentType === contentType) return file;
      await repositories.files.rename(uid, name, contentType, now);
      const after = { ...file, name, contentType, updatedAt: now };
      await repositories.events.append(fileEvent('file.renamed', after, { previousName: file.name }), now);
      return after;
    });
    await this.#records.changed(uid);
    return renamed;
  }

  /** Gone for readers at once; the bytes follow after the grace time. Deleting it again is fine. */
  async delete(principal: Principal, uid: Uid): Promise<void> {
    const now = this.#clock.now();
    await this.#metadata.transaction(async (repositories) => {
      const file = await repositories.files.find(uid);
      if (file === undefined || !mayTouch(principal, file)) throw noFile(uid);
      if (await repositories.files.markDeleted(uid, now)) {
        if (file.state === 'held') await repositories.holds.remove(uid);
        await repositories.manifests.markIdle(file.manifestId, now);
        await repositories.events.append(fileEvent('file.deleted', file), now);
      }
    });
    await this.#records.changed(uid);
  }
}

/** A client that waits for a held file asks again after so long. */
const ASK_AGAIN_SECONDS = 10;

/** Throws Locked for a file that is held back, Conflict with the reason for one that was rejected. */
export function readable(content: FileContent): FileContent {
  const { state, uid } = content.file;
  if (state === 'ready') return content;
  if (state === 'held') {
    throw new OsproxyError('Locked', 'This file cannot be read yet: it is held back until it was checked.', {
      details: { uid },
      retryAfterSeconds: ASK_AGAIN_SECONDS,
    });
  }
  throw new OsproxyError(
    'Conflict',
    `This file cannot be read: ${content.file.rejectedReason ?? 'its content failed verification.'}`,
    { details: { uid: content.file.uid } },
  );
}

/** What a uid that is no file, or not for this principal, is answered with. */
export function noFile(uid: Uid): OsproxyError {
  return new OsproxyError('NotFound', `There is no file ${uid}.`, { details: { uid } });
}

/** A file that was just asked for by the uid of its upload; throws NotFound where it has been given a name that the principal may not see. */
export function seenBy(principal: Principal, file: FileRecord): FileRecord {
  if (mayTouch(principal, file)) return file;
  throw noFile(file.uid);
}
