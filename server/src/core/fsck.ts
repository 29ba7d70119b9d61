import { throwIfCancelled } from './cancellation.ts';
import type { DriveParts } from './drive/drive-parts.ts';
import { isOsproxyError } from './errors.ts';
import { DriveCheck, type DriveFindingKind } from './fsck-drives.ts';
import { EntryCheck } from './fsck-entries.ts';
import { orphans } from './garbage.ts';
import { sha256Stored } from './hashing/hash-object.ts';
import type { HashWorkers } from './hashing/hash-workers.ts';
import type { PlacedBlob, Placement } from './model/blob.ts';
import type { FileRecord } from './model/file.ts';
import type { Uid } from './model/uid.ts';
import type { Clock } from './ports/clock.ts';
import type { Metadata } from './ports/metadata.ts';
import type { StorageDriver } from './ports/storage-driver.ts';
import { renewMark, whatIsSuspicious } from './store-marks.ts';
import type { Stores } from './stores.ts';

type FindingKind =
  | 'bytes-missing'
  | 'bytes-damaged'
  | 'file-unreadable'
  | 'orphan-bytes'
  | 'store-unreachable'
  | 'store-suspicious'
  | DriveFindingKind;

export interface Finding {
  readonly kind: FindingKind;
  /** What it is about: a blob id, a uid, a storage key, an entry, or a user. */
  readonly subject: string;
  readonly message: string;
  readonly repaired: boolean;
}

export interface FsckSummary {
  readonly files: number;
  readonly blobs: number;
  readonly drives: number;
  readonly orphans: number;
  readonly findings: number;
  readonly repaired: number;
}

export interface FsckOptions {
  readonly metadata: Metadata;
  readonly stores: Stores;
  readonly workers: HashWorkers;
  readonly clock: Clock;
  /** For the work that repairs of drives leave to tasks; asked for ids with `repair` only. */
  readonly ids: DriveParts['ids'];
  readonly settings: DriveParts['settings'];
  /** Bytes without rows, and files of people that no drive names, count only when they are older than this. Milliseconds. */
  readonly graceMs: number;
  /**
   * Drops placements whose bytes are lost or damaged, marks files rejected that cannot be read from anywhere, deletes orphans, counts
   * drives again, puts what is in no folder into the trash and begins again to remove what nobody has: a second run finds nothing of that any more. A store
   * that is suspicious, because its folder or bucket seems to be a wrong one, is left out.
   */
  readonly repair: boolean;
  /** Looks at suspicious stores as well and, with repair, takes them as they are. */
  readonly force: boolean;
  /** Reads and hashes every blob instead of comparing sizes. */
  readonly deep: boolean;
  readonly report: (finding: Finding) => void;
  readonly signal?: AbortSignal | undefined;
}

const BATCH = 200;

/** Compares both directions: rows without bytes, bytes without rows. Safe beside a running service. */
export async function fsck(options: FsckOptions): Promise<FsckSummary> {
  const run = new Check(options);
  await run.stores();
  await run.blobs();
  await run.files();
  await run.drives();
  await run.orphans();
  return run.summary;
}

class Check {
  readonly #options: FsckOptions;
  /** Blobs that cannot be read from any placement. */
  readonly #lost = new Set<string>();
  /** Stores that are not looked into: what is missing there may be somewhere else. */
  readonly #left = new Set<string>();
  readonly #counts = { files: 0, blobs: 0, drives: 0, orphans: 0, findings: 0, repaired: 0 };
  readonly #drives: DriveCheck;
  readonly #entries: EntryCheck;

  constructor(options: FsckOptions) {
    this.#options = options;
    const report = (finding: Finding) => this.#report(finding);
    this.#drives = new DriveCheck({ ...options, report });
    this.#entries = new EntryCheck({ ...options, report });
  }

  get summary(): FsckSummary {
    return { ...this.#counts };
  }

  /** A wrong mount or bucket looks empty; believing it would reject every file. */
  async stores(): Promise<void> {
    const { metadata, stores, force } = this.#options;
    for (const name of stores.names) {
      const reason = await whatIsSuspicious({ metadata, stores }, name);
      if (reason === undefined) continue;
      if (!force) this.#left.add(name);
      const advice = force
        ? ''
        : ' Nothing is repaired there; mend its settings, or use --force to take it as it is.';
      const mend = async () => {
        await renewMark({ metadata, stores }, name);
        return true;
      };
      await this.#found('store-suspicious', name, `${reason}${advice}`, force ? mend : undefined);
    }
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
      throwIfCancelled(this.#options.signal);
      const files = await metadata.files.scan(after, BATCH);
      for (const { uid, state } of files) {
        throwIfCancelled(this.#options.signal);
        if (state !== 'rejected') await this.#file(uid);
      }
      await this.#drives.files(files);
      this.#counts.files += files.length;
      after = files.at(-1)?.uid;
      if (files.length < BATCH) return;
    }
  }

  async drives(): Promise<void> {
    this.#counts.drives = await this.#drives.drives();
    await this.#entries.entries();
  }

  async orphans(): Promise<void> {
    const { metadata, stores, clock, graceMs, signal } = this.#options;
    const cutoff = clock.now() - graceMs;
    for (const name of stores.names) {
      if (this.#left.has(name)) continue;
      const driver = stores.driver(name);
      for await (const key of orphans({ metadata, cutoff, signal }, name, driver)) {
        // Beside a running service it may be purge that deleted it and forgot it since it was listed.
        if (await isGone(driver, key, signal)) continue;
        const mend = async () => {
          const doomed = await metadata.transaction((r) => r.blobs.doom(name, key, clock.now()));
          if (doomed) await driver.delete(key, { signal });
          return doomed;
        };
        this.#counts.orphans += 1;
        await this.#found('orphan-bytes', key, `Store "${name}" has bytes that no file names.`, mend);
      }
    }
  }

  async #blob(blob: PlacedBlob): Promise<void> {
    throwIfCancelled(this.#options.signal);
    let good = 0;
    for (const placement of blob.placements) {
      const wrong = await this.#whatIsWrong(blob, placement);
      if (wrong === undefined || wrong.kind === 'store-unreachable') good += 1;
      // Beside a running service it may be purge that was here first.
      if (wrong === undefined || !(await this.#stillNamed(blob, placement))) continue;
      const mend = wrong.kind === 'store-unreachable' ? undefined : () => this.#drop(blob.id, placement);
      await this.#found(wrong.kind, blob.id, wrong.message, mend);
    }
    if (good === 0) this.#lost.add(blob.id);
  }

  async #stillNamed(blob: PlacedBlob, { store, key }: Placement): Promise<boolean> {
    const live = await this.#options.metadata.blobs.findLive(blob.sha256, blob.size);
    if (live?.id !== blob.id) return false;
    return live.placements.some((placement) => placement.store === store && placement.key === key);
  }

  /** Damaged bytes go with their placement; the key stays reserved, as for any orphan. */
  async #drop(blobId: string, placement: Placement): Promise<boolean> {
    const { metadata, stores, clock, signal } = this.#options;
    const { store, key } = placement;
    await metadata.transaction(async (r) => {
      await r.blobs.removePlacement(blobId, placement);
      await r.blobs.doom(store, key, clock.now());
    });
    await stores.at(placement).delete(key, { signal });
    return true;
  }

  async #whatIsWrong(
    blob: Pick<PlacedBlob, 'size' | 'sha256'>,
    placement: Placement,
  ): Promise<{ kind: FindingKind; message: string } | undefined> {
    const { stores, deep, signal } = this.#options;
    const far = stores.isElsewhere(placement);
    const at = far
      ? `in store "${placement.store}" of node ${placement.node}`
      : `in store "${placement.store}"`;
    if (!far && !stores.names.includes(placement.store)) {
      return { kind: 'store-unreachable', message: `A blob is ${at}, which is not configured.` };
    }
    if (far ? !stores.isReachable(placement) : this.#left.has(placement.store)) return undefined;
    try {
      const { size } = await stores.at(placement).stat(placement.key, { signal });
      if (size !== blob.size) {
        return { kind: 'bytes-damaged', message: `A blob ${at} has ${size} bytes instead of ${blob.size}.` };
      }
      if (deep && (await this.#hash(placement)) !== blob.sha256) {
        return { kind: 'bytes-damaged', message: `A blob ${at} does not have the recorded SHA-256.` };
      }
      return undefined;
    } catch (error) {
      throwIfCancelled(signal);
      if (isOsproxyError(error, 'NotFound')) {
        return { kind: 'bytes-missing', message: `A blob ${at} has no bytes any more.` };
      }
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: 'store-unreachable', message: `A blob ${at} could not be checked: ${reason}` };
    }
  }

  #hash(placement: Placement): Promise<string | undefined> {
    const { stores, workers, signal } = this.#options;
    return sha256Stored(stores.at(placement), placement.key, workers, signal);
  }

  async #file(uid: Uid): Promise<void> {
    const { metadata, clock } = this.#options;
    const wrong = await this.#whatIsWrongWith(uid);
    if (wrong === undefined) return;
    const { file, reason } = wrong;
    const mend = () =>
      metadata.transaction(async (r) => {
        const rejected = await r.files.markRejected(file.uid, file.manifestId, reason, clock.now());
        if (rejected) await r.manifests.markIdle(file.manifestId, clock.now());
        if (rejected && file.state === 'held') await r.holds.remove(file.uid);
        return rejected;
      });
    const message = `File ${file.uid} ("${file.name}") cannot be read: ${reason}`;
    await this.#found('file-unreadable', file.uid, message, mend);
  }

  async #whatIsWrongWith(uid: Uid): Promise<{ file: FileRecord; reason: string } | undefined> {
    const { metadata } = this.#options;
    const file = await metadata.files.find(uid);
    if (file?.state !== 'ready' && file?.state !== 'held') return undefined;
    const manifest = await metadata.manifests.find(file.manifestId);
    const size = manifest?.parts.reduce((sum, part) => sum + part.size, 0) ?? 0;
    if (manifest === undefined || size !== file.size) {
      // A file that moved to another manifest meanwhile is fine.
      if ((await metadata.files.find(uid))?.manifestId !== file.manifestId) return undefined;
      return { file, reason: `its parts have ${size} bytes instead of ${file.size}.` };
    }
    for (const blobId of new Set(manifest.parts.map((part) => part.blobId))) {
      if (await this.#isLost(blobId)) return { file, reason: 'part of its content is lost.' };
    }
    return undefined;
  }

  /** Looks again at a blob that was lost when it was scanned: the same content may have been sent again since. */
  async #isLost(blobId: string): Promise<boolean> {
    const blob = await this.#options.metadata.blobs.find(blobId);
    if (blob === undefined) return true;
    if (blob.placements.length > 0 && !this.#lost.has(blobId)) return false;
    for (const placement of blob.placements) {
      const wrong = await this.#whatIsWrong(blob, placement);
      if (wrong === undefined || wrong.kind === 'store-unreachable') return false;
    }
    return true;
  }

  async #found(
    kind: FindingKind,
    subject: string,
    message: string,
    mend?: () => Promise<boolean>,
  ): Promise<void> {
    const repaired = this.#options.repair && mend !== undefined && (await mend());
    this.#report({ kind, subject, message, repaired });
  }

  #report(finding: Finding): void {
    this.#counts.findings += 1;
    if (finding.repaired) this.#counts.repaired += 1;
    this.#options.report(finding);
  }
}

async function isGone(driver: StorageDriver, key: string, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await driver.stat(key, { signal });
    return false;
  } catch (error) {
    throwIfCancelled(signal);
    return isOsproxyError(error, 'NotFound');
  }
}
