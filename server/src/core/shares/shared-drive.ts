import type { Archive } from '../archive/archive.ts';
import type { DriveArchives } from '../archive/drive-archives.ts';
import type { Drive } from '../drive/drive.ts';
import type { ChildrenPage, EntryPage } from '../drive/tree.ts';
import { OsproxyError } from '../errors.ts';
import type { Entry } from '../model/entry.ts';
import type { FileContent } from '../model/file.ts';
import { networkOf } from '../rate-limits.ts';
import type { Fetched, ShareDownloads } from './share-downloads.ts';
import type { ShareCaller, ShareVisits, Visit } from './share-visits.ts';

/** A file of a share, as it may be read at this moment. */
export interface SharedContent {
  readonly visit: Visit;
  readonly entry: Entry;
  readonly content: FileContent;
}

/** An archive is asked again whether it may go on when so long has passed. Milliseconds. */
const ASK_EVERY_MS = 1000;

/** What visitors see of a share. Everything throws as `ShareVisits.open`. */
export class SharedDrive {
  readonly #visits: ShareVisits;
  readonly #downloads: ShareDownloads;
  readonly #drive: Pick<Drive, 'tree' | 'content'>;
  readonly #archives: DriveArchives;

  constructor(options: {
    visits: ShareVisits;
    downloads: ShareDownloads;
    drive: Pick<Drive, 'tree' | 'content'>;
    archives: DriveArchives;
  }) {
    this.#visits = options.visits;
    this.#downloads = options.downloads;
    this.#drive = options.drive;
    this.#archives = options.archives;
  }

  /** What is shared, or something in it. Throws PermissionDenied for a share that shows nothing. */
  async entry(caller: ShareCaller, entryId: string | undefined): Promise<{ visit: Visit; entry: Entry }> {
    const visit = await this.#visits.open(caller);
    refuseUploadsOnly(visit);
    return { visit, entry: await this.#visits.entry(visit, entryId) };
  }

  /** Throws as entry, and Conflict for a file. */
  async children(
    caller: ShareCaller,
    folderId: string | undefined,
    page: ChildrenPage,
  ): Promise<EntryPage & { readonly visit: Visit }> {
    const { visit, entry } = await this.entry(caller, folderId);
    return { ...(await this.#drive.tree.children(visit.share.userId, entry.id, page)), visit };
  }

  /** A file, of whose bytes nothing may be told by this alone. Throws as entry and as `Drive.content`. */
  async file(caller: ShareCaller, entryId: string | undefined): Promise<SharedContent> {
    const { visit, entry } = await this.entry(caller, entryId);
    return { visit, entry, content: await this.#drive.content(entry) };
  }

  /**
   * For what is made from a file: a picture or a text. Throws as file, and Expired for a share that is used up, but not for who has fetched the file within the window. `count`
   * is to be called before what gives the whole file away; it counts as a request for ranges does.
   */
  async derived(
    caller: ShareCaller,
    entryId: string | undefined,
    userAgent: string | undefined,
  ): Promise<SharedContent & { readonly count: () => Promise<void> }> {
    const shared = await this.file(caller, entryId);
    const fetched = { content: contentOf(shared.entry), userAgent, ranged: true };
    await this.#downloads.refuseUsedUp(shared.visit, fetched);
    return { ...shared, count: () => this.#downloads.count(shared.visit, fetched) };
  }

  /**
   * For the bytes themselves: throws as file, and PermissionDenied where the share shows only what `mayShow` says can be shown, and this cannot. `count` is to be called before
   * the first byte.
   */
  async content(
    caller: ShareCaller,
    entryId: string | undefined,
    mayShow: (contentType: string) => boolean,
  ): Promise<SharedContent & { readonly count: (fetched: Omit<Fetched, 'content'>) => Promise<void> }> {
    const shared = await this.file(caller, entryId);
    const { visit, content } = shared;
    if (visit.share.permission === 'view' && !mayShow(content.file.contentType)) {
      throw new OsproxyError(
        'PermissionDenied',
        'This share shows previews only, and there is none of this file.',
      );
    }
    const tag = contentOf(shared.entry);
    return { ...shared, count: (fetched) => this.#downloads.count(visit, { ...fetched, content: tag }) };
  }

  /**
   * Everything that is shared, or some of it, as one archive, which the caller closes. `counted` says that it is to be sent: it counts as one download. It is asked
   * again while it goes on: a share that ends breaks it off. Throws PermissionDenied for a share without downloads; also as `DriveArchives.gather`.
   */
  async archive(
    caller: ShareCaller,
    wish: {
      readonly entryIds: readonly string[];
      readonly counted: boolean;
      readonly userAgent: string | undefined;
    },
    signal: AbortSignal,
  ): Promise<Archive> {
    const visit = await this.#visits.open(caller);
    const { share, root } = visit;
    if (share.permission !== 'download') {
      throw new OsproxyError('PermissionDenied', 'Nothing can be downloaded through this share.');
    }
    const fetched = { content: 'zip', userAgent: wish.userAgent, ranged: false };
    if (wish.counted) await this.#downloads.refuseUsedUp(visit, fetched);
    let askedAt = performance.now();
    const allow = async (entry: Entry, lineage: readonly Entry[]): Promise<void> => {
      if (!lineage.some(({ id }) => id === root.id)) {
        throw new OsproxyError('NotFound', `There is no entry ${entry.id}.`, { details: { id: entry.id } });
      }
      if (performance.now() - askedAt < ASK_EVERY_MS) return;
      await this.#visits.again(visit);
      askedAt = performance.now();
    };
    const entryIds = wish.entryIds.length === 0 ? [root.id] : wish.entryIds;
    const who = `share/${share.id}/${networkOf(caller.address)}`;
    const archive = await this.#archives.gather({ userId: share.userId, entryIds, who, allow }, signal);
    if (!wish.counted) return archive;
    try {
      await this.#downloads.count(visit, fetched);
      return archive;
    } catch (error) {
      archive.close();
      throw error;
    }
  }
}

/** Tells the contents that entries have or had apart. */
function contentOf({ id, version }: Entry): string {
  return `${id}/${version}`;
}

function refuseUploadsOnly({ share }: Visit): void {
  if (share.permission !== 'upload') return;
  throw new OsproxyError('PermissionDenied', 'This share takes files and shows none.');
}
