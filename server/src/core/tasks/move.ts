import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { throwIfCancelled } from '../cancellation.ts';
import { isOsproxyError, OsproxyError, toOsproxyError } from '../errors.ts';
import type { PlacedBlob } from '../model/blob.ts';
import type { FileMatch, MoveRecord } from '../model/move.ts';
import { matches } from '../placement.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import { type NodeAway, nodeAwayIn } from '../ports/peers.ts';
import { type RelocationDependencies, relocate } from '../relocation.ts';
import { Throttle } from '../throttle.ts';
import { MOVE } from './move-payload.ts';
import type { TaskContext, TaskType } from './task-type.ts';

const COUNT_BATCH = 500;
const BATCH = 100;
/** Blobs of one move that are copied at once. */
const AT_ONCE = 4;
/** After this time the task ends and is claimed again, so that other tasks get their turn. */
const TURN_MS = 20_000;
const LOOK_MS = 500;
const TRIES = 3;
const PROBE_KEY = 'osproxy-probe';

const schema = Type.Object({ moveId: Type.String(), run: Type.Integer() });

/** Works on one run of a move; a run that was paused, cancelled or followed by another writes nothing more. */
export function moveType(dependencies: RelocationDependencies): TaskType<typeof schema> {
  return {
    type: MOVE,
    schema,
    cancelledBy: 'it belongs to a move; cancel or pause the move instead.',
    handle: async ({ moveId, run }, context) => {
      const move = await dependencies.metadata.moves.find(moveId);
      if (move === undefined || !isCurrent(move, run)) return 'done';
      const work = new MoveRun(dependencies, move, context);
      try {
        return await work.turn();
      } catch (error) {
        if (error instanceof Superseded) return 'done';
        throw error;
      } finally {
        work.close();
      }
    },
  };
}

/** The move was paused, cancelled or resumed in another run. */
class Superseded extends OsproxyError {
  constructor() {
    super('Cancelled', 'The move was stopped.');
  }
}

function isCurrent(move: MoveRecord, run: number): boolean {
  return move.state === 'running' && move.run === run;
}

interface Wanted {
  readonly blob: PlacedBlob;
  /** Files that begin with it. */
  readonly files: number;
}

class MoveRun {
  readonly #dependencies: RelocationDependencies;
  readonly #move: MoveRecord;
  readonly #context: TaskContext;
  readonly #throttle: Throttle | undefined;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #looking: NodeJS.Timeout;
  /** Why some blobs of the batch have to wait. */
  #away: NodeAway | undefined;

  constructor(dependencies: RelocationDependencies, move: MoveRecord, context: TaskContext) {
    this.#dependencies = dependencies;
    this.#move = move;
    this.#context = context;
    this.#throttle = move.bytesPerSecond === undefined ? undefined : new Throttle(move.bytesPerSecond);
    this.#signal = AbortSignal.any([context.signal, this.#stop.signal]);
    this.#looking = setInterval(() => void this.#look(), LOOK_MS);
    this.#looking.unref();
  }

  close(): void {
    clearInterval(this.#looking);
  }

  async turn(): Promise<'done' | 'again'> {
    const { placements } = this.#dependencies.metadata;
    const { from, lastBlob } = this.#move;
    if (this.#move.total === undefined) await this.#count();
    const end = performance.now() + TURN_MS;
    for (let after = this.#move.afterBlob; ; ) {
      throwIfCancelled(this.#signal);
      const batch = await placements.blobsIn(from, after, lastBlob, BATCH);
      const last = batch.at(-1)?.id;
      if (last === undefined) break;
      await this.#carryAll(await this.#wanted(batch));
      if (this.#away !== undefined) throw this.#away;
      after = last;
      await this.#commit(async (_repositories, move) => ({ ...move, afterBlob: last }));
      if (performance.now() > end) return 'again';
    }
    const now = this.#dependencies.clock.now();
    await this.#commit(async (_repositories, move) => ({ ...move, state: 'done', endedAt: now }));
    this.#context.logger.info({ move: this.#move.id }, 'the move is done');
    return 'done';
  }

  /** Somebody may pause or cancel the move on any node, also while a large blob is being copied. */
  async #look(): Promise<void> {
    const move = await this.#dependencies.metadata.moves.find(this.#move.id).catch(() => this.#move);
    if (move === undefined || !isCurrent(move, this.#move.run)) this.#stop.abort(new Superseded());
  }

  async #count(): Promise<void> {
    const { from, lastBlob } = this.#move;
    const total = { files: 0, blobs: 0, bytes: 0 };
    for (let after: string | undefined; ; ) {
      throwIfCancelled(this.#signal);
      const batch = await this.#dependencies.metadata.placements.blobsIn(from, after, lastBlob, COUNT_BATCH);
      after = batch.at(-1)?.id;
      if (after === undefined) break;
      for (const { blob, files } of await this.#wanted(batch)) {
        total.files += files;
        total.blobs += 1;
        total.bytes += blob.size;
      }
    }
    await this.#commit(async (_repositories, move) => ({ ...move, total }));
  }

  /** Blobs of a file that matches; without a condition also those of uploads that are not complete yet. */
  async #wanted(batch: readonly PlacedBlob[]): Promise<readonly Wanted[]> {
    const { match } = this.#move;
    const namings = await this.#dependencies.metadata.placements.naming(batch.map(({ id }) => id));
    const byBlob = Map.groupBy(namings, ({ blobId }) => blobId);
    return batch.flatMap((blob) => {
      const fitting = (byBlob.get(blob.id) ?? []).filter((one) =>
        matches(match, { ...one, keyId: undefined }),
      );
      if (fitting.length === 0 && !isEmpty(match)) return [];
      return [{ blob, files: fitting.filter(({ first }) => first).length }];
    });
  }

  async #carryAll(wanted: readonly Wanted[]): Promise<void> {
    const queue = [...wanted];
    const worker = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await this.#carry(next);
    };
    const workers = Array.from({ length: AT_ONCE }, worker);
    const ends = await Promise.allSettled(
      workers.map((one) =>
        one.catch((error: unknown) => {
          queue.length = 0;
          throw error;
        }),
      ),
    );
    const failed = ends.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #carry(wanted: Wanted): Promise<void> {
    const { from, to } = this.#move;
    for (let attempt = 1; ; attempt += 1) {
      throwIfCancelled(this.#signal);
      try {
        const job = { blobId: wanted.blob.id, from, to };
        const signal = this.#signal;
        const commit = (work: (repositories: MetadataWriter) => Promise<boolean>) =>
          this.#settle(wanted, work);
        await relocate(this.#dependencies, job, { signal, throttle: this.#throttle, commit });
        return;
      } catch (error) {
        throwIfCancelled(this.#signal);
        if (error instanceof Superseded || isOsproxyError(error, 'Conflict')) throw error;
        // The others of the batch go on; this one is met again when the task is.
        const away = nodeAwayIn(error);
        if (away !== undefined) {
          this.#away = away;
          return;
        }
        if (attempt < TRIES)
          await sleep(100 * 4 ** attempt, undefined, { signal: this.#signal }).catch(() => {});
        else return this.#giveUp(wanted.blob, error);
      }
    }
  }

  /** The exchange of placements and the count of what is done belong together. */
  async #settle(
    { blob, files }: Wanted,
    work: (repositories: MetadataWriter) => Promise<boolean>,
  ): Promise<boolean> {
    let moved = false;
    await this.#commit(async (repositories, move) => {
      moved = await work(repositories);
      if (!moved) return move;
      const { done } = move;
      return {
        ...move,
        done: { files: done.files + files, blobs: done.blobs + 1, bytes: done.bytes + blob.size },
      };
    });
    return moved;
  }

  /** One blob that fails stays where it is, with its reason; a store that is away makes the whole move wait. */
  async #giveUp(blob: PlacedBlob, error: unknown): Promise<void> {
    const failure = toOsproxyError(error);
    if (failure.retryable) {
      await this.#probe(this.#move.from);
      await this.#probe(this.#move.to);
    }
    const cause = failure.cause instanceof Error ? ` (${failure.cause.message})` : '';
    const reason = `${failure.code}: ${failure.message}${cause}`;
    const at = this.#dependencies.clock.now();
    await this.#commit(async (repositories, move) => {
      const isNew = await repositories.moves.putFailure(move.id, { blobId: blob.id, reason, at });
      return isNew ? { ...move, failedBlobs: move.failedBlobs + 1 } : move;
    });
    this.#context.logger.warn(
      { move: this.#move.id, blob: blob.id, err: error },
      'a blob could not be moved',
    );
  }

  /** Throws what a store says that does not answer. */
  async #probe(store: string): Promise<void> {
    const driver = this.#dependencies.stores.driver(store);
    await driver.stat(PROBE_KEY, { signal: this.#signal }).catch((error: unknown) => {
      if (!isOsproxyError(error, 'NotFound')) throw error;
    });
  }

  /** A change to the move, refused when this run is not the current one any more. */
  async #commit(
    work: (repositories: MetadataWriter, move: MoveRecord) => Promise<MoveRecord>,
  ): Promise<void> {
    await this.#context.commit(async (repositories) => {
      const move = await repositories.moves.lock(this.#move.id);
      if (move === undefined || !isCurrent(move, this.#move.run)) throw new Superseded();
      const changed = await work(repositories, move);
      if (changed === move) return;
      await repositories.moves.save({ ...changed, updatedAt: this.#dependencies.clock.now() });
    });
  }
}

function isEmpty(match: FileMatch): boolean {
  return Object.values(match).every((condition) => condition === undefined);
}
