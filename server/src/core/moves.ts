import type { AuditLog } from './audit/audit-log.ts';
import { OsproxyError } from './errors.ts';
import type { Caller, NewAuditEntry } from './model/audit.ts';
import type { FileMatch, MoveFailure, MoveRecord, MoveState } from './model/move.ts';
import type { Clock } from './ports/clock.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import type { Stores } from './stores.ts';
import { moveTask } from './tasks/move-payload.ts';

export interface NewMove {
  readonly from: string;
  readonly to: string;
  readonly match: FileMatch;
  readonly bytesPerSecond?: number | undefined;
}

export interface MoveReport {
  readonly move: MoveRecord;
  /** At most a hundred. */
  readonly failures: readonly MoveFailure[];
}

const LISTED = 100;
const NOTHING = { files: 0, blobs: 0, bytes: 0 };

/** Moves everything that matches from one store to another, in the background, while files are read and uploaded. */
export class Moves {
  readonly #metadata: Metadata;
  readonly #stores: Stores;
  readonly #ids: IdSource;
  readonly #clock: Clock;
  readonly #audit: AuditLog;
  readonly #wakeTasks: () => void;

  constructor(options: {
    metadata: Metadata;
    stores: Stores;
    ids: IdSource;
    clock: Clock;
    audit: AuditLog;
    /** Called after a commit that enqueued a task. */
    wakeTasks: () => void;
  }) {
    this.#metadata = options.metadata;
    this.#stores = options.stores;
    this.#ids = options.ids;
    this.#clock = options.clock;
    this.#audit = options.audit;
    this.#wakeTasks = options.wakeTasks;
  }

  /** Throws InvalidArgument for stores that cannot be meant, Conflict while another move would undo or repeat this one. */
  async create(wanted: NewMove, caller: Caller): Promise<MoveRecord> {
    const { from, to, bytesPerSecond } = wanted;
    const match = checkMatch(wanted.match);
    this.#checkStore(from, 'from');
    this.#checkStore(to, 'to');
    if (from === to) throw invalid('to', `A move needs two stores; both are "${from}".`);
    const now = this.#clock.now();
    const id = this.#ids.next();
    const move: MoveRecord = {
      ...{ id, from, to, match, bytesPerSecond, state: 'running', run: 1, lastBlob: id },
      ...{ afterBlob: undefined, total: undefined, done: NOTHING, failedBlobs: 0 },
      ...{ createdAt: now, updatedAt: now, endedAt: undefined },
    };
    await this.#metadata.transaction(async (repositories) => {
      for (const other of await repositories.moves.list(LISTED)) refuseOverlap(other, wanted);
      await repositories.moves.insert(move);
      await repositories.tasks.enqueue(this.#ids.next(), moveTask(move), now);
      await this.#audit.note(repositories, caller, entry('move.created', move));
    });
    this.#wakeTasks();
    return move;
  }

  /** Newest first, at most a hundred. */
  list(): Promise<readonly MoveRecord[]> {
    return this.#metadata.moves.list(LISTED);
  }

  /** Throws NotFound. */
  async report(id: string): Promise<MoveReport> {
    const move = await this.#metadata.moves.find(id);
    if (move === undefined) throw noMove(id);
    return { move, failures: await this.#metadata.moves.failures(id, LISTED) };
  }

  /** What is being copied at the moment is dropped; nothing is half moved. Pausing again is fine. */
  pause(id: string, caller: Caller): Promise<MoveRecord> {
    return this.#change(id, caller, 'move.paused', async (_repositories, move) => {
      if (move.state === 'paused') return move;
      if (move.state !== 'running') throw over(move);
      return { ...move, state: 'paused' };
    });
  }

  /** Goes on where it was; a move that is done tries its failures again. */
  async resume(id: string, caller: Caller): Promise<MoveRecord> {
    const resumed = await this.#change(id, caller, 'move.resumed', async (repositories, move, now) => {
      if (move.state === 'cancelled') throw over(move);
      if (move.state === 'done' && move.failedBlobs === 0) return move;
      const again = move.state === 'done';
      if (again) await repositories.moves.clearFailures(id);
      const next: MoveRecord = {
        ...move,
        ...(again ? { afterBlob: undefined, failedBlobs: 0 } : {}),
        state: 'running',
        run: move.run + 1,
        endedAt: undefined,
      };
      await repositories.tasks.enqueue(this.#ids.next(), moveTask(next), now);
      return next;
    });
    this.#wakeTasks();
    return resumed;
  }

  /** What was moved stays moved. Cancelling again is fine. */
  cancel(id: string, caller: Caller): Promise<MoveRecord> {
    return this.#change(id, caller, 'move.cancelled', async (_repositories, move, now) => {
      if (move.state === 'cancelled') return move;
      if (move.state === 'done') throw over(move);
      return { ...move, state: 'cancelled', endedAt: now };
    });
  }

  #change(
    id: string,
    caller: Caller,
    action: MoveAction,
    work: (repositories: MetadataWriter, move: MoveRecord, now: number) => Promise<MoveRecord>,
  ): Promise<MoveRecord> {
    return this.#metadata.transaction(async (repositories) => {
      const move = await repositories.moves.lock(id);
      if (move === undefined) throw noMove(id);
      const now = this.#clock.now();
      const changed = await work(repositories, move, now);
      if (changed === move) return move;
      const saved = { ...changed, updatedAt: now };
      await repositories.moves.save(saved);
      await this.#audit.note(repositories, caller, entry(action, saved));
      return saved;
    });
  }

  #checkStore(name: string, field: string): void {
    if (this.#stores.names.includes(name)) return;
    throw invalid(field, `There is no store "${name}"; there are ${this.#stores.names.join(', ')}.`);
  }
}

function refuseOverlap(other: MoveRecord, wanted: NewMove): void {
  if (other.state !== 'running' && other.state !== 'paused') return;
  const sameSource = other.from === wanted.from;
  const backwards = other.from === wanted.to && other.to === wanted.from;
  if (!sameSource && !backwards) return;
  throw new OsproxyError(
    'Conflict',
    `Move ${other.id} from "${other.from}" to "${other.to}" is ${other.state}; let it end or cancel it first.`,
    { details: { move: other.id } },
  );
}

type MoveAction = 'move.created' | 'move.paused' | 'move.resumed' | 'move.cancelled';

function entry(action: MoveAction, { id, from, to, match }: MoveRecord): NewAuditEntry {
  return { action, subject: { kind: 'move', id }, detail: { from, to, match } };
}

function checkMatch(match: FileMatch): FileMatch {
  const { key, group, extensions, minSize = 0, maxSize = Number.POSITIVE_INFINITY } = match;
  if (key !== undefined) {
    throw invalid('match', 'Which key sent a file is not kept, so a move cannot match it; match the owner.');
  }
  if (group !== undefined) {
    throw invalid('match', 'A move cannot match the group of people; match an owner.');
  }
  if (minSize > maxSize) throw invalid('match', `minSize is ${minSize}, which is above maxSize, ${maxSize}.`);
  if (extensions === undefined) return match;
  return { ...match, extensions: extensions.map((one) => one.toLowerCase().replace(/^\./, '')) };
}

function over({ id, state }: { readonly id: string; readonly state: MoveState }): OsproxyError {
  return new OsproxyError('Conflict', `Move ${id} is ${state}.`, { details: { id, state } });
}

function noMove(id: string): OsproxyError {
  return new OsproxyError('NotFound', `There is no move ${id}.`, { details: { id } });
}

function invalid(field: string, message: string): OsproxyError {
  return new OsproxyError('InvalidArgument', message, { details: { field } });
}
