import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfCancelled } from '../cancellation.ts';
import { OsproxyError } from '../errors.ts';
import type { PlacedBlob, Placement } from '../model/blob.ts';
import type { ScrubFinding, ScrubRecord } from '../model/scrub.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TaskContext } from '../tasks/task-type.ts';
import type { Throttle } from '../throttle.ts';
import { examine, type Verdict, whyNotNow } from './examination.ts';
import { filesOf, type MendingDependencies, mend } from './mending.ts';

export interface RoundDependencies extends MendingDependencies {
  readonly ids: IdSource;
  readonly telemetry: Telemetry;
  /** Milliseconds from the beginning of a round to the beginning of the next. */
  readonly periodMs: number;
  readonly throttle: Throttle;
}

const BATCH = 100;
/** What was looked at is written down after this time, so that little is read twice after a crash. */
const SAVE_MS = 2_000;
const RETRY_MS = 10 * 60_000;
const RETRIED_AT_ONCE = 100;
const TRIES = 3;
const NOTHING = { blobs: 0, bytes: 0, repaired: 0, damaged: 0, skipped: 0 };

/** The store does not answer now, or is not the one it was. */
class StoreAway extends OsproxyError {
  constructor(reason: string) {
    super('Unavailable', reason);
  }
}

/** One turn of work on one store: what could not be mended before, then the round that is under way or due. */
export class StoreRound {
  readonly #dependencies: RoundDependencies;
  readonly #store: string;
  readonly #node: string | undefined;
  readonly #context: TaskContext;
  /** On performance.now(). */
  readonly #endsAt: number;

  constructor(dependencies: RoundDependencies, store: string, context: TaskContext, endsAt: number) {
    this.#dependencies = dependencies;
    this.#store = store;
    this.#node = dependencies.stores.nodeOf(store);
    this.#context = context;
    this.#endsAt = endsAt;
  }

  /** True when there is more to do at once. */
  async turn(): Promise<boolean> {
    const { scrubs } = this.#dependencies.metadata;
    let record = await scrubs.find(this.#store, this.#node);
    const trouble = await whyNotNow(this.#dependencies, this.#store, this.#context.signal);
    if (trouble !== undefined) {
      await this.#note(record, trouble);
      return false;
    }
    try {
      await this.#retryFindings(record?.round ?? 0);
      record = await this.#begun(record);
      return record !== undefined && (await this.#walk(record));
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error;
      await this.#note(await scrubs.find(this.#store, this.#node), error.message);
      return false;
    }
  }

  /** The round that is under way, or a new one where it is time; undefined while there is nothing to do. */
  async #begun(record: ScrubRecord | undefined): Promise<ScrubRecord | undefined> {
    const { clock, ids, periodMs } = this.#dependencies;
    if (record !== undefined && record.endedAt === undefined) return record;
    const now = clock.now();
    const isAsked = record?.requestedAt !== undefined && record.requestedAt > record.startedAt;
    if (record !== undefined && !isAsked && now < record.startedAt + periodMs) return undefined;
    const begun: ScrubRecord = {
      ...{ store: this.#store, node: this.#node, round: (record?.round ?? 0) + 1, startedAt: now },
      ...{ endedAt: undefined, lastBlob: ids.next(), afterBlob: undefined, trouble: undefined },
      ...NOTHING,
      ...{ requestedAt: undefined, updatedAt: now },
    };
    await this.#context.commit((repositories) => repositories.scrubs.save(begun));
    return begun;
  }

  async #walk(begun: ScrubRecord): Promise<boolean> {
    const { metadata } = this.#dependencies;
    let record: ScrubRecord = { ...begun, trouble: undefined };
    let savedAt = performance.now();
    for (;;) {
      const batch = await metadata.placements.blobsIn(this.#store, record.afterBlob, record.lastBlob, BATCH);
      for (const blob of batch) {
        throwIfCancelled(this.#context.signal);
        try {
          record = { ...(await this.#blob(blob, record)), afterBlob: blob.id };
        } catch (error) {
          await this.#save(record).catch(() => {});
          throw error;
        }
        this.#context.progress({ done: record.blobs, unit: `objects in ${this.#store}` });
        const now = performance.now();
        if (now - savedAt < SAVE_MS && now < this.#endsAt) continue;
        await this.#save(record);
        savedAt = now;
        if (now >= this.#endsAt) return true;
      }
      if (batch.length < BATCH) break;
    }
    await this.#end(record);
    return false;
  }

  async #blob(blob: PlacedBlob, record: ScrubRecord): Promise<ScrubRecord> {
    let next = record;
    for (const placement of blob.placements.filter((one) => this.#isMine(one))) {
      const verdict = await this.#examine(blob, placement);
      let outcome: 'good' | 'repaired' | 'damaged' | 'skipped' | undefined;
      if (verdict.kind === 'good') outcome = 'good';
      else if (verdict.kind === 'away') outcome = 'skipped';
      else outcome = await this.#mend({ blobId: blob.id, placement, verdict, round: record.round });
      if (outcome === undefined) continue;
      this.#dependencies.telemetry.scrubbed(this.#store, outcome, blob.size);
      next = { ...next, blobs: next.blobs + 1, bytes: next.bytes + blob.size };
      if (outcome !== 'good') next = { ...next, [outcome]: next[outcome] + 1 };
    }
    return next;
  }

  #isMine({ store, node }: Placement): boolean {
    return store === this.#store && node === this.#node;
  }

  /** What looks wrong counts only while the store itself is well. Throws StoreAway. */
  async #examine(blob: PlacedBlob, placement: Placement): Promise<Verdict> {
    const { signal } = this.#context;
    const { throttle } = this.#dependencies;
    for (let attempt = 1; ; attempt += 1) {
      const verdict = await examine(this.#dependencies, blob, placement, { signal, throttle });
      if (verdict.kind === 'good') return verdict;
      const trouble = await whyNotNow(this.#dependencies, this.#store, signal);
      if (trouble !== undefined) throw new StoreAway(trouble);
      const maySettle = verdict.kind === 'away' || verdict.kind === 'unreadable';
      if (!maySettle || attempt === TRIES) return verdict;
      await sleep(200 * attempt, undefined, { signal }).catch(() => {});
      throwIfCancelled(signal);
    }
  }

  /** Undefined when the place is named no more: purge or a move was here first. */
  async #mend({
    blobId,
    placement,
    verdict,
    round,
  }: {
    readonly blobId: string;
    readonly placement: Placement;
    readonly verdict: Exclude<Verdict, { kind: 'good' } | { kind: 'away' }>;
    readonly round: number;
  }): Promise<'repaired' | 'damaged' | undefined> {
    const { metadata, clock, throttle } = this.#dependencies;
    const { signal, logger } = this.#context;
    const blob = await this.#named(blobId, placement);
    if (blob === undefined) return undefined;
    const named = blob.placements.find((one) => one.key === placement.key && one.store === placement.store);
    if (named === undefined) return undefined;
    const damage = { blob, placement: named, ...verdict };
    const commit: TaskContext['commit'] = (work) => this.#context.commit(work);
    const mended = await mend(this.#dependencies, damage, { signal, throttle }, commit);
    if (mended === 'settled') return undefined;
    const about = { store: this.#store, blob: blobId, kind: verdict.kind };
    if (mended === 'repaired') {
      logger.warn(about, 'stored bytes were wrong and were replaced from another copy');
      return 'repaired';
    }
    const now = clock.now();
    const finding: ScrubFinding = {
      ...{ ...placement, blobId, kind: verdict.kind, ...mended, round },
      ...{ retryAt: now + RETRY_MS, foundAt: now },
    };
    const files = await filesOf({ metadata }, blobId);
    await this.#context.commit(async (repositories) => {
      if (!(await repositories.scrubs.putFinding(finding))) return;
      const data = { store: this.#store, kind: verdict.kind, size: blob.size, files };
      await repositories.events.append({ type: 'blob.damaged', subject: blobId, data }, now);
    });
    logger.error({ ...about, files, lost: mended.lost }, mended.reason);
    return 'damaged';
  }

  /** The blob, as long as it is live and has this place. */
  async #named(blobId: string, { store, key }: Placement): Promise<PlacedBlob | undefined> {
    const { blobs } = this.#dependencies.metadata;
    const known = await blobs.find(blobId);
    if (known === undefined) return undefined;
    const live = await blobs.findLive(known.sha256, known.size);
    if (live?.id !== blobId) return undefined;
    return live.placements.some((one) => one.store === store && one.key === key) ? live : undefined;
  }

  /** Another copy may have come back or arrived since; a blob that has none costs no reading. */
  async #retryFindings(round: number): Promise<void> {
    const { metadata, clock } = this.#dependencies;
    const now = clock.now();
    const due = await metadata.scrubs.dueFindings(this.#store, this.#node, now, RETRIED_AT_ONCE);
    for (const finding of due) {
      throwIfCancelled(this.#context.signal);
      const { blobId, store, key } = finding;
      const blob = await this.#named(blobId, finding);
      if (blob === undefined) {
        await this.#context.commit((repositories) => repositories.scrubs.removeFinding(store, key));
        continue;
      }
      if (blob.placements.length < 2) {
        await this.#context.commit((repositories) =>
          repositories.scrubs.putFinding({ ...finding, retryAt: now + RETRY_MS }),
        );
        continue;
      }
      const placement = { store, node: finding.node, key };
      const verdict = await this.#examine(blob, placement);
      if (verdict.kind === 'away') continue;
      if (verdict.kind === 'good')
        await this.#context.commit((repositories) => repositories.scrubs.removeFinding(store, key));
      else await this.#mend({ blobId, placement, verdict, round });
    }
  }

  async #save(record: ScrubRecord): Promise<void> {
    const updatedAt = this.#dependencies.clock.now();
    await this.#context.commit((repositories) => repositories.scrubs.save({ ...record, updatedAt }));
  }

  async #end(record: ScrubRecord): Promise<void> {
    const now = this.#dependencies.clock.now();
    await this.#context.commit(async (repositories) => {
      await repositories.scrubs.save({ ...record, endedAt: now, updatedAt: now });
      await repositories.scrubs.removeFindingsBefore(this.#store, this.#node, record.round);
    });
    const { store, blobs, bytes, repaired, damaged, skipped } = record;
    this.#context.logger.info({ store, blobs, bytes, repaired, damaged, skipped }, 'scrubbed');
    if (now - record.startedAt > this.#dependencies.periodMs)
      this.#context.logger.warn(
        { store, hours: Math.round((now - record.startedAt) / 3_600_000) },
        'reading every content of the store again took longer than scrub.periodDays; raise scrub.mibPerSecond',
      );
  }

  /** Said once in the log, and shown until the store is back. */
  async #note(record: ScrubRecord | undefined, trouble: string): Promise<void> {
    if (record === undefined || record.trouble === trouble) return;
    this.#context.logger.warn({ store: this.#store, trouble }, 'the store cannot be scrubbed now');
    await this.#save({ ...record, trouble });
  }
}
