import { Check } from 'typebox/value';
import { OsproxyError, toOsproxyError } from '../errors.ts';
import type { NewEvent } from '../model/event.ts';
import type { TaskRecord } from '../model/task.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Logger } from '../ports/logger.ts';
import type { TaskEnd } from '../ports/metadata/tasks.ts';
import type { Metadata } from '../ports/metadata.ts';
import { nodeAwayIn } from '../ports/peers.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TaskType } from './task-type.ts';

export interface RunnerOptions {
  readonly metadata: Metadata;
  readonly types: readonly TaskType[];
  readonly node: string;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Tasks at once on this node; at least 1. */
  readonly concurrency: number;
  /** Milliseconds until another node may take over a task whose node went silent. */
  readonly leaseMs: number;
  /** False while another node leads the schedules: then recurring tasks are left to it. Default: always true. */
  readonly leads?: () => boolean;
}

const IDLE_MS = 5_000;
const BACKOFF_START_MS = 1_000;
const BACKOFF_MAX_MS = 300_000;
/** A task that waits for a node that is away looks again after a quarter of its age, within these bounds. */
const WAIT_MIN_MS = 2_000;
const WAIT_MAX_MS = 30_000;
const RECURRING_ATTEMPTS = 1_000_000;

/** Claims due tasks and runs them. Sleeps until the next one is due, or until wake(); an idle node asks every five seconds. */
export class TaskRunner {
  readonly #options: RunnerOptions;
  readonly #types: ReadonlyMap<string, TaskType>;
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #pumping: Promise<void> | undefined;
  #again = false;
  #started = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#types = new Map(options.types.map((type) => [type.type, type]));
  }

  /** Tasks that run on this node now. */
  get running(): number {
    return this.#running.size;
  }

  /** Makes sure that recurring tasks exist, then begins to work. */
  async start(): Promise<void> {
    await this.schedule();
    this.#started = true;
    this.wake();
  }

  /** Adds the recurring tasks of this node that are missing and, where it leads, those of the cluster. */
  async schedule(): Promise<void> {
    const { metadata, ids, clock } = this.#options;
    const recurring = this.#mine().filter((type) => type.everyMs !== undefined);
    await metadata.transaction(async (repositories) => {
      for (const { type } of recurring) {
        const task = { type, key: type, payload: {}, maxAttempts: RECURRING_ATTEMPTS };
        await repositories.tasks.enqueue(ids.next(), task, clock.now());
      }
    });
    this.wake();
  }

  #mine(): readonly TaskType[] {
    const leads = this.#options.leads?.() ?? true;
    return this.#options.types.filter((type) => leads || type.everyMs === undefined || type.ofNode === true);
  }

  /** Says that a task may be due now; a runner that was not started leaves it to others. */
  wake(): void {
    if (!this.#started || this.#stopping.signal.aborted) return;
    this.#again = true;
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = undefined;
      if (this.#again) this.wake();
    });
  }

  /** Takes no new task, tells the running ones to end and waits for them; what is cut off is run again later. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#pumping;
    await Promise.all(this.#running);
  }

  async #pump(): Promise<void> {
    clearTimeout(this.#timer);
    let sleepMs = IDLE_MS;
    try {
      while (this.#again && !this.#stopping.signal.aborted) {
        this.#again = false;
        await this.#claimAll();
      }
      sleepMs = await this.#untilNextDue();
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'tasks could not be claimed');
    }
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => this.wake(), sleepMs);
    this.#timer.unref();
  }

  async #claimAll(): Promise<void> {
    const { metadata, node, clock, leaseMs, concurrency } = this.#options;
    const types = this.#mine().map(({ type }) => type);
    while (this.#running.size < concurrency && !this.#stopping.signal.aborted) {
      const due = await metadata.tasks.nextDue(types);
      if (due === undefined || due > clock.now()) return;
      const task = await metadata.transaction((repositories) =>
        repositories.tasks.claim(types, node, clock.now(), leaseMs),
      );
      if (task === undefined) return;
      const run = this.#run(task).finally(() => {
        this.#running.delete(run);
        this.wake();
      });
      this.#running.add(run);
    }
  }

  async #untilNextDue(): Promise<number> {
    if (this.#running.size >= this.#options.concurrency) return IDLE_MS;
    const due = await this.#options.metadata.tasks.nextDue(this.#mine().map(({ type }) => type));
    if (due === undefined) return IDLE_MS;
    return Math.min(Math.max(due - this.#options.clock.now(), 5), IDLE_MS);
  }

  async #run(task: TaskRecord): Promise<void> {
    const { metadata, clock, leaseMs, telemetry } = this.#options;
    const logger = this.#options.logger.child({ task: task.id, type: task.type, attempt: task.attempts });
    const lost = new AbortController();
    const beat = setInterval(() => {
      metadata
        .transaction((repositories) =>
          repositories.tasks.heartbeat(task.id, task.fence, clock.now() + leaseMs),
        )
        .then((held) => {
          if (!held) lost.abort(new OsproxyError('Conflict', 'The task was taken over by another node.'));
        })
        .catch((error: unknown) => logger.warn({ err: error }, 'the task lease could not be extended'));
    }, leaseMs / 3);
    beat.unref();
    const started = performance.now();
    try {
      const end = await this.#attempt(task, AbortSignal.any([lost.signal, this.#stopping.signal]), logger);
      const finished = await metadata.transaction(async (repositories) => {
        const now = clock.now();
        if (!(await repositories.tasks.finish(task.id, task.fence, end, now))) return false;
        if (end.outcome === 'failed') {
          for (const event of this.#failureEvents(task, end.error))
            await repositories.events.append(event, now);
        }
        return true;
      });
      const outcome = finished ? (end.outcome === 'again' ? 'done' : end.outcome) : 'lost';
      telemetry.taskAttempt(task.type, outcome, (performance.now() - started) / 1000);
    } catch (error) {
      logger.warn({ err: error }, 'the end of a task could not be written; it will run again');
    } finally {
      clearInterval(beat);
    }
  }

  async #attempt(task: TaskRecord, signal: AbortSignal, logger: Logger): Promise<TaskEnd> {
    const { metadata, clock } = this.#options;
    const type = this.#types.get(task.type);
    if (type === undefined || !Check(type.schema, task.payload)) {
      return { outcome: 'failed', error: `The payload of this task does not fit its type "${task.type}".` };
    }
    if (type.everyMs === undefined && (await this.#endsProcesses(task))) {
      return { outcome: 'failed', error: 'Each attempt ended together with the process that ran it.' };
    }
    const context = {
      task,
      signal,
      logger,
      commit: <T>(work: Parameters<typeof metadata.transaction<T>>[0]) =>
        metadata.transaction<T>(async (repositories) => {
          if (await repositories.tasks.holds(task.id, task.fence)) return work(repositories);
          throw new OsproxyError('Conflict', 'The task was taken over by another node.');
        }),
    };
    try {
      const wanted = (await type.precheck?.(task.payload, context)) ?? true;
      const result = wanted ? await type.handle(task.payload, context) : 'done';
      if (type.everyMs === undefined && result === 'done') return { outcome: 'done' };
      return { outcome: 'again', runAt: clock.now() + (result === 'again' ? 0 : (type.everyMs ?? 0)) };
    } catch (error) {
      return this.#endOf(task, type, error, logger);
    }
  }

  #failureEvents(task: TaskRecord, reason: string): NewEvent[] {
    const { id, type, key, payload } = task;
    const events: NewEvent[] = [{ type: 'task.failed', subject: id, data: { id, type, key, reason } }];
    const known = this.#types.get(type);
    if (known?.failed !== undefined && Check(known.schema, payload))
      events.push(known.failed(payload, reason));
    return events;
  }

  /** A task that takes its process down never gets to report a failure; what counts are attempts that nobody ended. */
  async #endsProcesses(task: TaskRecord): Promise<boolean> {
    if (task.attempts <= task.maxAttempts) return false;
    const attempts = await this.#options.metadata.tasks.attempts(task.id);
    return attempts.filter(({ outcome }) => outcome === 'lost').length >= task.maxAttempts;
  }

  #endOf(task: TaskRecord, type: TaskType, error: unknown, logger: Logger): TaskEnd {
    const failure = toOsproxyError(error);
    const cause = failure.cause instanceof Error ? ` (${failure.cause.message})` : '';
    const reason = `${failure.code}: ${failure.message}${cause}`;
    const now = this.#options.clock.now();
    if (this.#stopping.signal.aborted) return { outcome: 'released', runAt: now };
    const away = nodeAwayIn(failure);
    if (away !== undefined) {
      logger.info({ err: away }, 'the task waits for a node that is away');
      return { outcome: 'waiting', runAt: now + waitMs(now - task.createdAt), error: reason };
    }
    if (task.attempts >= task.maxAttempts && type.everyMs === undefined) {
      logger.error({ err: error }, 'the task failed for good');
      return { outcome: 'failed', error: reason };
    }
    logger.warn({ err: error }, 'the task failed and will be tried again');
    return { outcome: 'retry', runAt: now + backoffMs(task.attempts), error: reason };
  }
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
