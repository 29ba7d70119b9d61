import { OsproxyError } from '../errors.ts';
import type { PersonPrincipal } from '../model/principal.ts';
import type { Uid } from '../model/uid.ts';
import { MAX_PARTS, type UploadRecord } from '../model/upload.ts';
import type { Clock } from '../ports/clock.ts';
import type { ContentDigest } from '../ports/metadata/content-entries.ts';
import type { ByteSource } from '../ports/storage-driver.ts';
import type { Uploads } from '../uploads.ts';
import type { TransferNote } from '../usage/transfer-note.ts';
import type { Drive } from './drive.ts';
import { checkEntryName } from './entry-names.ts';
import type { KnownFile, KnownFiles } from './known-files.ts';

/** Chunks are counted from 0 here; a client may as well begin with 1. */
export const MAX_INDEX = MAX_PARTS - 1;
const PAGE = 100;
/** Open uploads of one person among which one of the same content is looked for. */
const MOST_OPEN = 1000;
/** What an upload must have left for a client to go on with it. */
const LEFT_MS = 60_000;

export interface UploadUnderWay {
  readonly upload: UploadRecord;
  /** What the client said the content is. */
  readonly hash: string;
  /** Indexes as the client gave them, ascending. */
  readonly uploaded: readonly number[];
}

export interface KnownUploadParts {
  readonly uploads: Uploads;
  readonly drive: Drive;
  readonly files: KnownFiles;
  readonly clock: Clock;
}

/**
 * Uploads in parts for clients that say what the content is when they begin and what it is called when they end. Until then an upload has the hash as its name, by
 * which one that was interrupted is found again.
 */
export class KnownUploads {
  readonly #parts: KnownUploadParts;

  constructor(parts: KnownUploadParts) {
    this.#parts = parts;
  }

  /** The upload of this content that the person has under way, or a new one. Throws QuotaExceeded where there is no room for it. */
  async begin(person: PersonPrincipal, digest: ContentDigest, size: number): Promise<UploadUnderWay> {
    const hash = hexOf(digest);
    const known = await this.#findOpen(person, hash, size);
    if (known !== undefined) return known;
    const wanted = { parentId: 'root', name: hash, size, conflict: 'keepBoth' } as const;
    const { upload } = await this.#parts.drive.uploads.begin(person.userId, wanted);
    return { upload, hash, uploaded: [] };
  }

  /** Throws NotFound for another person's upload, and for one that has ended. */
  async status(person: PersonPrincipal, uid: Uid): Promise<UploadUnderWay> {
    const { upload, parts } = await this.#parts.uploads.status(person, uid);
    if (upload.state !== 'open') {
      throw new OsproxyError('NotFound', `Upload ${uid} has ended.`, { details: { uid } });
    }
    return { upload, hash: upload.name, uploaded: parts.map(({ number }) => number - 1) };
  }

  async write(
    person: PersonPrincipal,
    { uid, index }: { readonly uid: Uid; readonly index: number },
    body: ByteSource & AsyncIterable<Uint8Array>,
    { signal, note }: { readonly signal: AbortSignal; readonly note: TransferNote },
  ): Promise<void> {
    const { uploads } = this.#parts;
    await uploads.find(person, uid);
    await uploads.writePart(uid, index + 1, body, { size: body.size }, signal, note);
  }

  /**
   * Reads and hashes all parts, then makes the file. Throws ChecksumMismatch where the content is another, and nothing is left of it then; InvalidArgument where
   * parts are missing, which stay. A repeated call is answered with the file.
   */
  async complete(
    person: PersonPrincipal,
    uid: Uid,
    { digest, size, name }: { readonly digest: ContentDigest; readonly size: number; readonly name: string },
    signal: AbortSignal,
  ): Promise<KnownFile> {
    const { uploads, drive, files } = this.#parts;
    checkEntryName(name, 'filename');
    const { upload, parts } = await uploads.status(person, uid);
    if (upload.state !== 'completed') {
      const request = { size, name, firstPart: parts[0]?.number === 2 ? 2 : 1 };
      const hashed = await uploads.hashParts(uid, request, { sha1: 'sha1' in digest }, signal);
      const { sha256, sha1 } = hashed.digests;
      if (hexOf(digest) !== ('sha1' in digest ? sha1 : sha256)) {
        await uploads.abort(uid);
        throw new OsproxyError(
          'ChecksumMismatch',
          'The content does not have this hash; nothing of it was kept. Send it again.',
          { details: { field: 'filehash' } },
        );
      }
      await uploads.complete(uid, { ...request, hashed });
    }
    const made = await files.of(await drive.uploads.entryOf(person.userId, uid));
    if (made.entry.size !== size || !fits(made, digest)) {
      throw new OsproxyError('Conflict', `Upload ${uid} was completed with another size or hash.`, {
        details: { uid },
      });
    }
    return made;
  }

  /** Ends the upload and frees its parts and the room that it had; ending it again is fine. */
  async cancel(person: PersonPrincipal, uid: Uid): Promise<void> {
    await this.#parts.uploads.find(person, uid);
    await this.#parts.uploads.abort(uid);
  }

  async #findOpen(person: PersonPrincipal, hash: string, size: number): Promise<UploadUnderWay | undefined> {
    const { drive, clock } = this.#parts;
    const until = clock.now() + LEFT_MS;
    let after: Uid | undefined;
    for (let looked = 0; looked < MOST_OPEN; looked += PAGE) {
      const { uploads, next } = await drive.uploads.list(person.userId, after, PAGE);
      const known = uploads.find(
        ({ upload }) => upload.name === hash && upload.size === size && upload.expiresAt > until,
      );
      if (known !== undefined) return this.status(person, known.upload.uid);
      if (next === undefined) return undefined;
      after = next;
    }
    return undefined;
  }
}

function hexOf(digest: ContentDigest): string {
  return 'sha1' in digest ? digest.sha1 : digest.sha256;
}

/** A SHA-1 that was never computed says nothing against it. */
function fits({ digests }: KnownFile, digest: ContentDigest): boolean {
  if ('sha256' in digest) return digests?.sha256 === digest.sha256;
  return digests?.sha1 === undefined || digests.sha1 === digest.sha1;
}
