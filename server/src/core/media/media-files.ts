import type { FileRecord } from '../model/file.ts';
import type { MediaRecord } from '../model/media.ts';
import type { Uid } from '../model/uid.ts';
import type { Metadata } from '../ports/metadata.ts';
import { identityOf, mayBeMedia } from './identity.ts';

/** What is known about the images, films and sounds that files are. */
export class MediaFiles {
  readonly #metadata: Pick<Metadata, 'media'>;

  constructor({ metadata }: { metadata: Pick<Metadata, 'media'> }) {
    this.#metadata = metadata;
  }

  /** Undefined for what nobody has looked at. */
  async of(file: FileRecord): Promise<MediaRecord | undefined> {
    const identity = mayBeMedia(file) ? identityOf(file) : undefined;
    return identity === undefined ? undefined : this.#metadata.media.find(identity);
  }

  /** By uid; at most 1000 files. */
  async ofMany(files: readonly FileRecord[]): Promise<ReadonlyMap<Uid, MediaRecord>> {
    const identities = files
      .filter(mayBeMedia)
      .map(identityOf)
      .filter((one) => one !== undefined);
    if (identities.length === 0) return new Map();
    const known = await this.#metadata.media.findMany([...new Set(identities)]);
    const byIdentity = new Map(known.map((record) => [record.identity, record]));
    return new Map(
      files.flatMap((file) => {
        const record = byIdentity.get(identityOf(file) ?? '');
        return record === undefined ? [] : [[file.uid, record] as const];
      }),
    );
  }
}
