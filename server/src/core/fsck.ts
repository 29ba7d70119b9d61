import { orphans } from './garbage.ts';
import type { HashWorkers } from './hashing/hash-workers.ts';
import { hashPipeline } from './hashing/pipeline.ts';
import type { PlacedBlob, Placement } from './model/blob.ts';
import type { FileContent } from './model/file.ts';
import type { Clock } from './ports/clock.ts';
import type { Metadata } from './ports/metadata.ts';
import type { Stores } from './stores.ts';

export type FindingKind =
  | 'bytes-missing'
  | 'bytes-damaged'
  | 'file-unreadable'
  | 'orphan-bytes'
  | 'store-unreachable';

export interface Finding {
  readonly kind: FindingKind;
  /** What it is about: a blob id, a uid or a storage key. */
  readonly subject: string;
  readonly message: string;
  readonly repaired: boolean;
}

export interface FsckSummary {
  readonly files: number;
  readonly blobs: number;
  readonly orphans: number;
  readonly findings: number;
  readonly repaired: number;
}

export interface FsckOptions {
  readonly metadata: Metadata;
  readonly stores: Stores;
  readonly workers: HashWorkers;
  readonly clock: Clock;
  /** Bytes without rows count only when they are older than this. Milliseconds. */
  readonly graceMs: number;
  /** Drops placements whose bytes are lost, marks unreadable files rejected, deletes orphans. */
  readonly repair: boolean;
  /** Reads and hashes every blob instead of comparing sizes. */
  readonly deep: boolean;
  readonly report: (finding: Finding) => void;
  readonly signal?: AbortSignal | undefined;
}

const BATCH = 200;

/** Compares both directions: rows without bytes, bytes without rows. Safe beside a running service. */
export async function fsck(options: FsckOptions): Promise<FsckSummary> {
  const run = new Check(options);
  await run.blobs();
  await run.files();
  await run.orphans();
  return run.summary;
}

class Check {
  readonly #options: FsckOptions;
  /** Blobs that cannot be read from any placement. */
  readonly #lost = new Set<string>();
  readonly #counts = { files: 0, blobs: 0, orphans: 0, findings: 0, repaired: 0 };

  constructor(options: FsckOptions) {
    this.#options = options;
  }

  get summary(): FsckSummary {
    return { ...this.#counts };
  }

  async blobs(): Promise<void> {
    for (let after: string | undefined; ; ) {
      const blobs = await this.#options.metadata.blobs.scan(after, BATCH);
      for (const blob of blobs) await this.#blob(blob);
      this.#counts.blobs += blobs.length;
      after = blobs.at(-1)?.id;
      if (blobs.length < BATCH) return;
    }
  }

  async files(): Promise<void> {
    const { metadata } = this.#options;
    for (let after: string | undefined; ; ) {
      const files = await metadata.files.scan(after, BATCH);
      for (const { uid, state } of files) {
        const content = state === 'ready' ? await metadata.files.content(uid) : undefined;
        if (content !== undefined) await this.#file(content);
      }
      this.#counts.files += files.length;
      after = files.at(-1)?.uid;
      if (files.length < BATCH) return;
    }
  }

  async orphans(): Promise<void> {
    const { metadata, stores, clock, graceMs, signal } = this.#options;
    const cutoff = clock.now() - graceMs;
    for (const name of stores.names) {
      const driver = stores.driver(name);
      for await (const key of orphans({ metadata, cutoff, signal }, name, driver)) {
        this.#counts.orphans += 1;
        await this.#found('orphan-bytes', key, `Store "${name}" has bytes that no file names.`, async () => {
          const doomed = await metadata.transaction((r) => r.blobs.doom(name, key, clock.now()));
          if (doomed) await driver.delete(key, { signal });
        });
      }
    }
  }

  async #blob(blob: PlacedBlob): Promise<void> {
    this.#options.signal?.throwIfAborted();
    let good = 0;
    for (const placement of blob.placements) {
      if (!this.#options.stores.isNear(placement)) {
        good += 1;
        continue;
      }
      const wrong = await this.#whatIsWrong(blob, placement);
      if (wrong === undefined) good += 1;
      else if (wrong.kind === 'store-unreachable') {
        good += 1;
        await this.#found(wrong.kind, blob.id, wrong.message);
      } else {
        const last = blob.placements.length === 1;
        await this.#found(
          wrong.kind,
          blob.id,
          wrong.message,
          last ? undefined : () => this.#drop(blob.id, placement),
        );
      }
    }
    if (good === 0) this.#lost.add(blob.id);
  }

  async #drop(blobId: string, placement: Placement): Promise<void> {
    await this.#options.metadata.transaction((r) => r.blobs.removePlacement(blobId, placement));
  }

  async #whatIsWrong(
    blob: PlacedBlob,
    placement: Placement,
  ): Promise<{ kind: FindingKind; message: string } | undefined> {
    const { stores, deep, signal } = this.#options;
    const at = `in store "${placement.store}"`;
    try {
      const { size } = await stores.driver(placement.store).stat(placement.key, { signal });
      if (size !== blob.size) {
        return { kind: 'bytes-damaged', message: `A blob ${at} has ${size} bytes instead of ${blob.size}.` };
      }
      if (deep && (await this.#hash(blob, placement)) !== blob.sha256) {
        return { kind: 'bytes-damaged', message: `A blob ${at} does not have the recorded SHA-256.` };
      }
      return undefined;
    } catch (error) {
      signal?.throwIfAborted();
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'NotFound')
        return { kind: 'bytes-missing', message: `A blob ${at} has no bytes any more.` };
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: 'store-unreachable', message: `A blob ${at} could not be checked: ${reason}` };
    }
  }

  async #hash(blob: PlacedBlob, placement: Placement): Promise<string> {
    const { stores, workers, signal } = this.#options;
    const opened = await stores.driver(placement.store).open(placement.key, undefined, { signal });
    const chunks = opened.chunks[Symbol.asyncIterator]();
    const pipeline = hashPipeline(new Uint8Array(0), chunks, ['sha256'], workers);
    for await (const _chunk of pipeline.chunks) signal?.throwIfAborted();
    return (await pipeline.digests()).get('sha256') ?? blob.id;
  }

  async #file({ file, parts }: FileContent): Promise<void> {
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    const lost = parts.some((part) => this.#lost.has(part.blobId) || part.placements.length === 0);
    if (!lost && size === file.size) return;
    const reason = lost
      ? 'part of its content is lost.'
      : `its parts have ${size} bytes instead of ${file.size}.`;
    await this.#found(
      'file-unreadable',
      file.uid,
      `File ${file.uid} ("${file.name}") cannot be read: ${reason}`,
      async () => {
        const { metadata, clock } = this.#options;
        await metadata.transaction(async (r) => {
          if (!(await r.files.markRejected(file.uid, file.manifestId, reason, clock.now()))) return;
          await r.manifests.markIdle(file.manifestId, clock.now());
        });
      },
    );
  }

  async #found(
    kind: FindingKind,
    subject: string,
    message: string,
    mend?: () => Promise<void>,
  ): Promise<void> {
    const repaired = this.#options.repair && mend !== undefined;
    if (repaired) await mend();
    this.#counts.findings += 1;
    if (repaired) this.#counts.repaired += 1;
    this.#options.report({ kind, subject, message, repaired });
  }
}
