import { setTimeout as sleep } from 'node:timers/promises';
import { Check } from 'typebox/value';
import { awayIn } from '../away.ts';
import { JoinedSignal } from '../cancellation.ts';
import { OsproxyError, toOsproxyError } from '../errors.ts';
import type { NewEvent } from '../model/event.ts';
import { KEPT_ATTEMPTS, type TaskProgress, type TaskRecord } from '../model/task.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { TaskEnd } from '../ports/metadata/tasks.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Recurrence } from './recurrence.ts';
import type { TaskType } from './task-type.ts';

const BACKOFF_START_MS = 1_000;
const BACKOFF_MAX_MS = 300_000;
/** A task that waits for something that is away looks again after a quarter of its age, within these bounds. */
const WAIT_MIN_MS = 2_000;
const WAIT_MAX_MS = 30_000;
const TAKEN_OVER = 'The task was taken over by another node or cancelled.';

export interface TaskRunOptions {
  readonly metadata: Metadata;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly leaseMs: number;
  /** How long a handler may take to heed its signal before a cancelled task is over without it. */
  readonly cancelGraceMs: number;
  /** undefined where this node does not know the type. */
  readonly type: TaskType | undefined;
  /** undefined where the task ends at some time. */
  readonly recurrence: Recurrence | undefined;
  readonly stopping: AbortSignal;
  /** Called when the end of the attempt stands in the database. */
  readonly ended?: (end: TaskEnd) => void;
}

/** One attempt of one task: holds its lease, runs its handler and writes how it ended. */
export class TaskRun {
  readonly task: TaskRecord;
  readonly #options: TaskRunOptions;
  readonly #logger: Logger;
  readonly #lost = new AbortController();
  readonly #cancelled = new AbortController();
  /** What the handler told last, while it is not written. */
  #progress: TaskProgress | undefined;
  #beating: Promise<void> | undefined;

  constructor(task: TaskRecord, options: TaskRunOptions) {
    this.task = task;
    this.#options = options;
    this.#logger = options.logger.child({ task: task.id, type: task.type, attempt: task.attempts });
  }

  /** Extends the lease out of turn and sees whether the task was cancelled. Never rejects. */
  async look(): Promise<void> {
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined;
    });
    await this.#beating;
  }

  /** Resolves when the handler has ended, whatever became of the task. Never rejects. */
  async run(): Promise<void> {
    const { stopping, leaseMs, telemetry } = this.#options;
    const timer = setInterval(() => void this.look(), leaseMs / 3);
    timer.unref();
    const started = performance.now();
    const ended = new JoinedSignal(this.#lost.signal, this.#cancelled.signal, stopping);
    const handled = this.#attempt(ended.signal).finally(() => ended.release());
    try {
      const end = await Promise.race([handled, this.#unheeded(handled)]);
      const outcome = (await this.#finish(end)) ?? 'lost';
      telemetry.taskAttempt(this.task.type, outcome, (performance.now() - started) / 1000);
    } catch (error) {
      this.#logger.warn({ err: error }, 'the end of a task could not be written; it will run again');
    } finally {
      clearInterval(timer);
    }
    await handled;
  }

  async #beat(): Promise<void> {
    const { metadata, clock, leaseMs } = this.#options;
    const { id, fence } = this.task;
    const progress = this.#progress;
    try {
      const state = await metadata.transaction(({ tasks }) =>
        tasks.heartbeat(id, fence, clock.now() + leaseMs, progress),
      );
      if (this.#progress === progress) this.#progress = undefined;
      if (state === 'lost') this.#lost.abort(new OsproxyError('Conflict', TAKEN_OVER));
      if (state === 'cancelling')
        this.#cancelled.abort(new OsproxyError('Cancelled', 'The task was cancelled.'));
    } catch (error) {
      this.#logger.warn({ err: error }, 'the task lease could not be extended');
    }
  }

  /** Resolves with the end of a cancelled task whose handler does not heed its signal; what that writes later is refused. */
  async #unheeded(handled: Promise<unknown>): Promise<TaskEnd> {
    const { signal } = this.#cancelled;
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    const grace = sleep(this.#options.cancelGraceMs, true, { ref: false });
    if (await Promise.race([handled.then(() => false), grace]))
      this.#logger.warn({}, 'a cancelled task is over, but its handler goes on');
    return this.#cancelledEnd();
  }

  #cancelledEnd(): TaskEnd {
    return { outcome: 'cancelled', error: 'The task was cancelled.' };
  }

  /** What the attempt ended as; undefined when the task belonged to somebody else by then. */
  async #finish(end: TaskEnd): Promise<string | undefined> {
    const { metadata, clock, recurrence } = this.#options;
    const { id, fence } = this.task;
    const finished = await metadata.transaction(async (repositories) => {
      const now = clock.now();
      const recursAt = recurrence?.next(now);
      const progress = this.#progress;
      if (!(await repositories.tasks.finish(id, fence, { ...end, recursAt, progress }, now))) return false;
      if (end.outcome === 'failed') {
        for (const event of this.#failureEvents(end.error)) await repositories.events.append(event, now);
      }
      return true;
    });
    if (!finished) return undefined;
    this.#options.ended?.(end);
    return end.outcome === 'again' ? 'done' : end.outcome;
  }

  async #attempt(signal: AbortSignal): Promise<TaskEnd> {
    const { clock, type, recurrence } = this.#options;
    const { task } = this;
    if (type === undefined || !Check(type.schema, task.payload)) {
      return { outcome: 'failed', error: `The payload of this task does not fit its type "${task.type}".` };
    }
    try {
      if (recurrence === undefined && (await this.#endsProcesses())) {
        return { outcome: 'failed', error: 'Each attempt ended together with the process that ran it.' };
      }
      const context = this.#context(signal);
      const wanted = (await type.precheck?.(task.payload, context)) ?? true;
      const result = wanted ? await type.handle(task.payload, context) : 'done';
      if (result === 'again') return { outcome: 'again', runAt: clock.now() };
      if (recurrence === undefined) return { outcome: 'done' };
      return { outcome: 'again', runAt: recurrence.next(clock.now()) };
    } catch (error) {
      return this.#endOf(error);
    }
  }

  #context(signal: AbortSignal) {
    const { metadata } = this.#options;
    const { id, fence } = this.task;
    return {
      task: this.task,
      signal,
      logger: this.#logger,
      commit: <T>(work: (repositories: MetadataWriter) => Promise<T>) =>
        metadata.transaction<T>(async (repositories) => {
          if (await repositories.tasks.holds(id, fence)) return work(repositories);
          throw new OsproxyError('Conflict', TAKEN_OVER);
        }),
      progress: (progress: TaskProgress) => {
        this.#progress = progress;
      },
    };
  }

  #failureEvents(reason: string): NewEvent[] {
    const { type: known } = this.#options;
    const { id, type, key, payload } = this.task;
    const events: NewEvent[] = [{ type: 'task.failed', subject: id, data: { id, type, key, reason } }];
    if (known?.failed !== undefined && Check(known.schema, payload))
      events.push(known.failed(payload, reason));
    return events;
  }

  /** A task that takes its process down never gets to report a failure; what counts are attempts that nobody ended. */
  async #endsProcesses(): Promise<boolean> {
    const { id, attempts, maxAttempts } = this.task;
    if (attempts <= maxAttempts) return false;
    const kept = await this.#options.metadata.tasks.attempts(id);
    // The attempt that runs now is among those that are kept.
    const enough = Math.min(maxAttempts, KEPT_ATTEMPTS - 1);
    return kept.filter(({ outcome }) => outcome === 'lost').length >= enough;
  }

  #endOf(error: unknown): TaskEnd {
    const { clock, stopping, recurrence } = this.#options;
    const { task } = this;
    const now = clock.now();
    if (this.#cancelled.signal.aborted) return this.#cancelledEnd();
    if (stopping.aborted) return { outcome: 'released', runAt: now };
    const reason = reasonOf(error);
    const away = awayIn(toOsproxyError(error));
    if (away !== undefined) {
      this.#logger.info({ err: away }, 'the task waits for something that is away');
      return { outcome: 'waiting', runAt: now + waitMs(now - task.createdAt), error: reason };
    }
    if (task.attempts >= task.maxAttempts && recurrence === undefined) {
      this.#logger.error({ err: error }, 'the task failed for good');
      return { outcome: 'failed', error: reason };
    }
    this.#logger.warn({ err: error }, 'the task failed and will be tried again');
    return { outcome: 'retry', runAt: now + backoffMs(task.attempts), error: reason };
  }
}

function reasonOf(error: unknown): string {
  const failure = toOsproxyError(error);
  const cause = failure.cause instanceof Error ? ` (${failure.cause.message})` : '';
  return `${failure.code}: ${failure.message}${cause}`;
}

/** Jitter of ±25 % keeps tasks that wait for the same node apart. */
function waitMs(ageMs: number): number {
  const full = Math.min(Math.max(ageMs / 4, WAIT_MIN_MS), WAIT_MAX_MS);
  return Math.round(full * (0.75 + Math.random() / 2));
}

/** Doubles with each attempt up to five minutes; jitter of ±50 % keeps retries apart. */
function backoffMs(attempts: number): number {
  const full = Math.min(BACKOFF_START_MS * 2 ** (attempts - 1), BACKOFF_MAX_MS);
  return Math.round(full * (0.5 + Math.random()));
}
