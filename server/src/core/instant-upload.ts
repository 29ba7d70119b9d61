import { type Author, checkAuthor } from './access.ts';
import { type Holders, insertReady, readyFile } from './contents.ts';
import { firstReadable } from './copies.ts';
import type { Downloads } from './downloads.ts';
import { isOsproxyError } from './errors.ts';
import type { FileRecords } from './file-records.ts';
import type { Remember } from './idempotency.ts';
import type { FileContent, FileRecord } from './model/file.ts';
import type { Manifest } from './model/manifest.ts';
import { checkName } from './names.ts';
import type { Clock } from './ports/clock.ts';
import { CONTENT_TYPE_HEAD_BYTES, type ContentTyper } from './ports/content-typer.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata } from './ports/metadata.ts';
import type { Stores } from './stores.ts';
import type { Placed } from './upload-whole.ts';

export interface InstantRequest extends Author {
  readonly name: string;
  /** One of them; SHA-256 finds where it is given. MD5 and SHA-1 only look up or rule out, they never are an identity. */
  readonly sha256?: string | undefined;
  readonly md5?: string | undefined;
  readonly sha1?: string | undefined;
  readonly size?: number | undefined;
}

/** What a new file on known content is. */
export interface InstantFile {
  readonly owner: string;
  readonly name: string;
  readonly remember?: Remember | undefined;
  readonly placed?: Placed | undefined;
}

/** A new file on verified bytes that are here already. Only services may ask by hash alone. */
export class InstantUpload {
  readonly #metadata: Metadata;
  readonly #records: Pick<FileRecords, 'arrived'>;
  readonly #stores: Stores;
  readonly #downloads: Downloads;
  readonly #typer: ContentTyper;
  readonly #ids: IdSource;
  readonly #clock: Clock;
  readonly #scope: 'owner' | 'installation';
  readonly #holders: Holders;

  /** `scope` says whose content counts: the asking owner's own, or everybody's. */
  constructor(options: {
    metadata: Metadata;
    records: Pick<FileRecords, 'arrived'>;
    stores: Stores;
    downloads: Downloads;
    typer: ContentTyper;
    ids: IdSource;
    clock: Clock;
    scope: 'owner' | 'installation';
    holders: Holders;
  }) {
    this.#metadata = options.metadata;
    this.#records = options.records;
    this.#stores = options.stores;
    this.#downloads = options.downloads;
    this.#typer = options.typer;
    this.#ids = options.ids;
    this.#clock = options.clock;
    this.#scope = options.scope;
    this.#holders = options.holders;
  }

  /**
   * Undefined when the content has to be uploaded; that is also the answer when its bytes cannot be read at the moment, or when it is known
   * to have another size or MD5 than the request says.
   */
  async claim(
    request: InstantRequest,
    signal?: AbortSignal,
    remember?: Remember,
    placed?: Placed,
  ): Promise<FileRecord | undefined> {
    const { owner, namePrefix, name, md5, sha1, size } = request;
    checkName(name);
    checkAuthor(request, name);
    const digest = lookedUpBy(request);
    if (digest === undefined) return undefined;
    // A key that sees some names only gets no content of others by its digest.
    const isOwn = this.#scope === 'owner' || namePrefix !== undefined;
    const named = { owner: isOwn ? owner : undefined, namePrefix };
    const known = await this.#metadata.manifests.findVerified(digest, size, named);
    const fits = (declared: string | undefined, computed: string | undefined) =>
      declared === undefined || computed === undefined || declared === computed;
    const fitting = known.filter((one) => fits(md5, one.md5) && fits(sha1, one.sha1));
    const where = { metadata: this.#metadata, stores: this.#stores };
    const manifest = await firstReadable(where, fitting, signal);
    if (manifest === undefined) return undefined;
    return this.make(manifest, { owner, name, remember, placed }, signal);
  }

  /**
   * A file of this owner on a verified manifest; whoever asks has made sure that the owner may have the content. Undefined when the manifest is gone meanwhile, or
   * its bytes cannot be read.
   */
  async make(
    manifest: Manifest,
    { owner, name, remember, placed }: InstantFile,
    signal?: AbortSignal,
  ): Promise<FileRecord | undefined> {
    checkName(name);
    const uid = this.#ids.next();
    // What the request claims is not kept: of verified content only computed digests are known.
    const claimed = { md5: undefined, sha256: undefined };
    const draft = readyFile({ uid, owner, name, contentType: '', manifest, ...claimed }, this.#clock.now());
    const head = await this.#downloads
      .readHead({ file: draft, parts: await this.#parts(manifest) }, signal)
      .catch((error: unknown) => {
        if (isOsproxyError(error, 'Unavailable')) return undefined;
        throw error;
      });
    if (head === undefined) return undefined;
    const file = { ...draft, contentType: await this.#typer.detect(head, name) };
    const made = await this.#metadata.transaction(async (repositories) => {
      if (!(await repositories.manifests.claim(manifest.id))) return undefined;
      await remember?.(repositories, uid);
      const place = await placed?.(repositories, file.size);
      const ready = await insertReady(repositories, file, this.#holders);
      await place?.(ready);
      return ready;
    });
    if (made !== undefined) await this.#records.arrived(made);
    return made;
  }

  async #parts(manifest: Manifest): Promise<FileContent['parts']> {
    const parts = [];
    let offset = 0;
    for (const { blobId, size } of manifest.parts) {
      if (offset >= CONTENT_TYPE_HEAD_BYTES) break;
      const blob = await this.#metadata.blobs.find(blobId);
      parts.push({ blobId, size, placements: blob?.placements ?? [] });
      offset += size;
    }
    return parts;
  }
}

function lookedUpBy({ sha256, md5, sha1 }: InstantRequest) {
  if (sha256 !== undefined) return { sha256 };
  if (md5 !== undefined) return { md5 };
  return sha1 === undefined ? undefined : { sha1 };
}
