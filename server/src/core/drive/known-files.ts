import { OsproxyError } from '../errors.ts';
import type { InstantUpload } from '../instant-upload.ts';
import type { Entry } from '../model/entry.ts';
import type { PersonPrincipal } from '../model/principal.ts';
import type { ContentDigest, ContentDigests } from '../ports/metadata/content-entries.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { TransferNote } from '../usage/transfer-note.ts';
import type { Drive } from './drive.ts';

/** A file of a person, and what is known of its content; undefined until that is verified. */
export interface KnownFile {
  readonly entry: Entry;
  readonly digests: ContentDigests | undefined;
}

export interface KnownFileParts {
  readonly metadata: Pick<Metadata, 'contents'>;
  readonly drive: Pick<Drive, 'tree' | 'lists' | 'structure' | 'uploads'>;
  /** Looks where the operator lets people find content by its hash alone. */
  readonly instantUpload: InstantUpload;
}

/** Where new files go, and what becomes of equal names there. */
const PLACE = { parentId: 'root', conflict: 'keepBoth' } as const;

/** A person's files for clients that know them by the digest of their content. Of several with the same content the newest is meant. */
export class KnownFiles {
  readonly #parts: KnownFileParts;

  constructor(parts: KnownFileParts) {
    this.#parts = parts;
  }

  /** Throws NotFound where no file of the person that is in its place has this content. */
  async find({ userId }: PersonPrincipal, digest: ContentDigest): Promise<KnownFile> {
    const { metadata, drive } = this.#parts;
    const entries = await metadata.contents.having(userId, digest);
    const located = await drive.tree.locate(
      userId,
      entries.map(({ id }) => id),
    );
    const entry = entries.find(({ id }) => located.has(id));
    if (entry === undefined) throw new OsproxyError('NotFound', 'You have no file with this hash.');
    return this.of(entry);
  }

  /** What is known of one of the person's files. */
  async of(entry: Entry): Promise<KnownFile> {
    const uid = entry.fileUid ?? '';
    return { entry, digests: (await this.#parts.metadata.contents.digestsOf([uid])).get(uid) };
  }

  /** The person's files, those whose content came last first. Fewer than asked for where very many newer ones are in the trash. */
  async latest({ userId }: PersonPrincipal, limit: number): Promise<readonly KnownFile[]> {
    const { metadata, drive } = this.#parts;
    const first = await drive.lists.recent(userId, undefined, limit);
    const entries: Entry[] = [...first.entries];
    if (entries.length < limit && first.next !== undefined) {
      const second = await drive.lists.recent(userId, first.next, limit - entries.length);
      entries.push(...second.entries);
    }
    const digests = await metadata.contents.digestsOf(entries.flatMap(({ fileUid }) => fileUid ?? []));
    return entries.map((entry) => ({ entry, digests: digests.get(entry.fileUid ?? '') }));
  }

  /** Stores a file of any size in the root folder; `name` may be a path of the client's own machine. */
  async write(
    { userId }: PersonPrincipal,
    name: string,
    input: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal; readonly note?: TransferNote },
  ): Promise<KnownFile> {
    const wanted = { ...PLACE, name: lastOf(name), withSha1: true };
    const { entry } = await this.#parts.drive.uploads.write(userId, wanted, input, options);
    return this.of(entry);
  }

  /** A new file on content that is among the person's files; undefined where it has to be sent. */
  async claim(
    { userId, owner }: PersonPrincipal,
    { digest, name, size }: { readonly digest: ContentDigest; readonly name: string; readonly size: number },
    signal: AbortSignal,
  ): Promise<KnownFile | undefined> {
    const { drive, instantUpload } = this.#parts;
    let entry: Entry | undefined;
    const placed = drive.uploads.placing(userId, { ...PLACE, name }, (made) => {
      entry = made;
    });
    const wanted = { owner, name, size, ...digest };
    const file = await instantUpload.claim(wanted, signal, undefined, placed);
    return file === undefined || entry === undefined ? undefined : this.of(entry);
  }

  async rename(person: PersonPrincipal, digest: ContentDigest, name: string): Promise<KnownFile> {
    const { entry, digests } = await this.find(person, digest);
    const { conflict } = PLACE;
    const renamed = await this.#parts.drive.structure.move(person.userId, entry.id, { name, conflict });
    return { entry: renamed, digests };
  }

  async trash(person: PersonPrincipal, digest: ContentDigest): Promise<void> {
    const { entry } = await this.find(person, digest);
    await this.#parts.drive.structure.trash(person.userId, entry.id);
  }
}

/** Browsers of old, and people at a shell, name a file by its path. */
function lastOf(name: string): string {
  return name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
}
