import { createHash } from 'node:crypto';
import { isOsproxyError, OsproxyError } from './errors.ts';
import type { Uid } from './model/uid.ts';
import type { Clock } from './ports/clock.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';

/** Writes the memory of a creating request; called inside the transaction that creates, with the SHA-256 of the content where there is one. */
export type Remember = (repositories: MetadataWriter, uid: Uid, sha256?: string) => Promise<void>;

/** Makes creating requests repeatable under a key of the client's choice (the Idempotency-Key header of HTTP APIs). */
export class Idempotency {
  readonly #metadata: Metadata;
  readonly #clock: Clock;

  constructor(metadata: Metadata, clock: Clock) {
    this.#metadata = metadata;
    this.#clock = clock;
  }

  /**
   * Runs `create` once per owner and key; later and simultaneous repeats get the first one's uid. Throws Conflict when the key came with
   * another `request` before. Keys have 1 to 255 visible ASCII characters and are remembered for seven days. Without a key it just creates.
   */
  async once(
    owner: string,
    key: string | undefined,
    request: unknown,
    create: (remember: Remember | undefined) => Promise<Uid>,
  ): Promise<{ readonly uid: Uid; readonly repeated: boolean }> {
    if (key === undefined) return { uid: await create(undefined), repeated: false };
    if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw new OsproxyError(
        'InvalidArgument',
        'Idempotency-Key must have 1 to 255 visible ASCII characters.',
        {
          details: { field: 'Idempotency-Key' },
        },
      );
    }
    const fingerprint = createHash('sha256').update(JSON.stringify(request)).digest('hex');
    const before = await this.#recall(owner, key, fingerprint);
    if (before !== undefined) return { uid: before, repeated: true };
    try {
      const uid = await create((repositories, created) =>
        repositories.idempotency.insert({
          owner,
          key,
          fingerprint,
          uid: created,
          createdAt: this.#clock.now(),
        }),
      );
      return { uid, repeated: false };
    } catch (error) {
      if (!isOsproxyError(error, 'AlreadyExists')) throw error;
      const meanwhile = await this.#recall(owner, key, fingerprint);
      if (meanwhile === undefined) throw error;
      return { uid: meanwhile, repeated: true };
    }
  }

  async #recall(owner: string, key: string, fingerprint: string): Promise<Uid | undefined> {
    const record = await this.#metadata.idempotency.find(owner, key);
    if (record === undefined) return undefined;
    if (record.fingerprint === fingerprint) return record.uid;
    throw new OsproxyError(
      'Conflict',
      'This Idempotency-Key was used before for another request; use a new one.',
    );
  }
}
