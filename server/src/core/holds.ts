import type { AuditLog } from './audit/audit-log.ts';
import { OsproxyError } from './errors.ts';
import { fileEvent } from './events/facts.ts';
import type { FileRecords } from './file-records.ts';
import { noFile } from './files.ts';
import type { Caller } from './model/audit.ts';
import type { FileRecord } from './model/file.ts';
import type { HoldRecord } from './model/hold.ts';
import type { Uid } from './model/uid.ts';
import type { Clock } from './ports/clock.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';

/** A hold with the file that it keeps back. */
export interface HeldFile {
  readonly hold: HoldRecord;
  readonly file: FileRecord;
}

export interface HeldPage {
  readonly held: readonly HeldFile[];
  /** Pass as `after` for the next page; undefined on the last one. */
  readonly next: Pick<HoldRecord, 'uid' | 'type'> | undefined;
}

/** Held files as administrators see them, whatever became of the tasks that should decide. */
export class Holds {
  readonly #metadata: Metadata;
  readonly #records: FileRecords;
  readonly #clock: Clock;
  readonly #audit: AuditLog;

  constructor(options: { metadata: Metadata; records: FileRecords; clock: Clock; audit: AuditLog }) {
    this.#metadata = options.metadata;
    this.#records = options.records;
    this.#clock = options.clock;
    this.#audit = options.audit;
  }

  /** Oldest file first; `limit` 1 to 1000. */
  async list(after: HeldPage['next'], limit: number): Promise<HeldPage> {
    const holds = await this.#metadata.holds.list(after, limit);
    const files = await this.#metadata.files.findMany([...new Set(holds.map(({ uid }) => uid))]);
    const byUid = new Map(files.map((file) => [file.uid, file]));
    const held = holds.flatMap((hold): HeldFile[] => {
      const file = byUid.get(hold.uid);
      return file?.state === 'held' ? [{ hold, file }] : [];
    });
    return { held, next: holds.length === limit ? holds.at(-1) : undefined };
  }

  /** How many files each type holds back, of the first `most`. */
  counts(most: number): Promise<readonly { readonly type: string; readonly count: number }[]> {
    return this.#metadata.relaxed.holds.counts(most);
  }

  /** Makes a held file readable, whoever holds it. Throws NotFound, and Conflict for a file that is not held. */
  async release(uid: Uid, caller: Caller): Promise<FileRecord> {
    return this.#decide(uid, { caller, action: 'hold.released' }, async (repositories, file, now) => {
      await repositories.holds.remove(uid);
      return makeReady(repositories, file, now);
    });
  }

  /** Refuses a held file for good, with a sentence for people. Throws NotFound, and Conflict for a file that is not held. */
  async reject(uid: Uid, reason: string, caller: Caller): Promise<FileRecord> {
    return this.#decide(uid, { caller, action: 'hold.rejected', reason }, (repositories, file, now) =>
      makeRejected(repositories, file, reason, now),
    );
  }

  async #decide(
    uid: Uid,
    by: { caller: Caller; action: 'hold.released' | 'hold.rejected'; reason?: string },
    how: (repositories: MetadataWriter, file: FileRecord, now: number) => Promise<FileRecord>,
  ): Promise<FileRecord> {
    const file = await this.#metadata.transaction(async (repositories) => {
      await repositories.holds.lock(uid);
      const found = await repositories.files.lock(uid);
      if (found === undefined || found.state === 'deleted') throw noFile(uid);
      if (found.state !== 'held') {
        throw new OsproxyError('Conflict', `File ${uid} is not held back; it is ${found.state}.`, {
          details: { uid, state: found.state },
        });
      }
      const { caller, action, reason } = by;
      const detail = { name: found.name, owner: found.owner, reason };
      await this.#audit.note(repositories, caller, { action, subject: { kind: 'file', id: uid }, detail });
      return how(repositories, found, this.#clock.now());
    });
    await this.#records.changed(uid);
    return file;
  }
}

/** The decision of one who holds a file: `yes`, `no` with its reason, or a reason to leave it to people. */
export type Verdict = { readonly yes: true } | { readonly no: string } | { readonly undecided: string };

/**
 * Writes what the holder `type` has decided; the file becomes readable when nobody else holds it. Nothing happens when it is not held by this type any
 * more: it was deleted, or somebody else has decided.
 */
export async function decideHold(
  repositories: MetadataWriter,
  hold: Pick<HoldRecord, 'uid' | 'type'>,
  verdict: Verdict,
  now: number,
): Promise<void> {
  const { uid, type } = hold;
  const holds = await repositories.holds.lock(uid);
  if (!holds.some((one) => one.type === type)) return;
  if ('undecided' in verdict) return repositories.holds.explain(uid, type, verdict.undecided);
  const file = await repositories.files.lock(uid);
  if ('no' in verdict) {
    if (file?.state === 'held') await makeRejected(repositories, file, verdict.no, now);
    return;
  }
  await repositories.holds.remove(uid, type);
  if (holds.length === 1 && file?.state === 'held') await makeReady(repositories, file, now);
}

async function makeReady(repositories: MetadataWriter, held: FileRecord, now: number): Promise<FileRecord> {
  const file: FileRecord = { ...held, state: 'ready', updatedAt: now };
  await repositories.files.release(held.uid, now);
  await repositories.events.append(fileEvent('file.ready', file), now);
  return file;
}

async function makeRejected(
  repositories: MetadataWriter,
  held: FileRecord,
  reason: string,
  now: number,
): Promise<FileRecord> {
  const { uid, manifestId } = held;
  await repositories.holds.remove(uid);
  await repositories.files.markRejected(uid, manifestId, reason, now);
  await repositories.manifests.markIdle(manifestId, now);
  const file: FileRecord = { ...held, state: 'rejected', rejectedReason: reason, updatedAt: now };
  await repositories.events.append(fileEvent('file.rejected', file, { reason }), now);
  return file;
}
