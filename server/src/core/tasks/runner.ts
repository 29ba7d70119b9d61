import { OsproxyError } from '../errors.ts';
import type { AddedTask, TaskPriority, TaskRecord } from '../model/task.ts';
import type { Clock } from '../ports/clock.ts';
import type { Cron } from '../ports/cron.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Logger } from '../ports/logger.ts';
import type { Claimer, TaskEnd, TaskHead } from '../ports/metadata/tasks.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { DueTask, TaskPush } from '../ports/task-push.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { inOrder } from './claim.ts';
import { isRecurring, type Recurrence, recurrenceOf } from './recurrence.ts';
import { serverRole, type TaskRole } from './task-role.ts';
import { TaskRun } from './task-run.ts';
import type { TaskSignals } from './task-signals.ts';
import type { TaskType } from './task-type.ts';

export interface RunnerOptions {
  readonly metadata: Metadata;
  readonly types: readonly TaskType[];
  readonly node: string;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Tasks at once in this process; at least 1. */
  readonly concurrency: number;
  /** Milliseconds until another node may take over a task whose node went silent. */
  readonly leaseMs: number;
  /** False while another node leads the schedules: then recurring tasks are left to it. Default: always true. */
  readonly leads?: () => boolean;
  /** Brings tasks to whoever runs them; without it all of them look into the database. */
  readonly push?: TaskPush | undefined;
  /** The way to other processes; without it they find out by themselves. */
  readonly signals?: TaskSignals;
  /** Needed where a type has a cron expression. */
  readonly cron?: Cron;
  /** Milliseconds that a handler has to heed a cancelled signal; default: ten seconds. */
  readonly cancelGraceMs?: number;
}

/** An idle process asks so often, for what nobody told it of. */
const IDLE_MS = 5_000;
/** What is due but cannot be claimed, since its type is at its limit or others are at it, is looked at again after this time, which doubles. */
const BLOCKED_MS = 250;
const BLOCKED_MAX_MS = 2_000;
/** What hints are given of is looked for in the database when it has been due for so long: then its hint was lost. */
const HINT_MS = 5_000;
const CANCEL_GRACE_MS = 10_000;
const RECURRING_ATTEMPTS = 1_000_000;

/** Claims due tasks and runs them. Sleeps until the next one is due, or until wake(); an idle process asks every five seconds. */
export class TaskRunner {
  readonly #options: RunnerOptions;
  readonly #types: ReadonlyMap<string, TaskType>;
  readonly #recurrences = new Map<string, Recurrence>();
  readonly #running = new Map<TaskRun, Promise<void>>();
  #role = serverRole();
  /** By type, those that are claimed by name just now. */
  readonly #claiming = new Map<string, number>();
  /** Until nothing is due, looks into the database wait for no hint. */
  #eager = false;
  readonly #stopping = new AbortController();
  #unsubscribe: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #pumping: Promise<void> | undefined;
  #again = false;
  #started = false;
  #blockedMs = BLOCKED_MS;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#types = new Map(options.types.map((type) => [type.type, type]));
    for (const type of options.types) {
      const recurrence = recurrenceOf(type, options.cron);
      if (recurrence !== undefined) this.#recurrences.set(type.type, recurrence);
    }
  }

  /** Tasks that run in this process now. */
  get running(): number {
    return this.#running.size;
  }

  get types(): readonly TaskType[] {
    return this.#options.types;
  }

  /** That of its type, for a task that has none of its own. */
  priorityOf(type: string): TaskPriority {
    return this.#types.get(type)?.priority ?? 'normal';
  }

  /** Makes sure that recurring tasks exist where its role is to, then begins to work. Default: a server that leaves nothing to others. */
  async start(role: TaskRole = serverRole()): Promise<void> {
    this.#role = role;
    if (this.#role.schedules) await this.schedule();
    this.#started = true;
    const { push, concurrency } = this.#options;
    const worked = this.#options.types.filter((type) => !isRecurring(type) && this.#works(type));
    push?.start({
      types: worked.map((type) => ({
        type: type.type,
        most: Math.min(concurrency, type.concurrency?.process ?? concurrency),
      })),
      hasRoom: (type) => !this.#stopping.signal.aborted && this.#room > 0 && this.#open().includes(type),
      take: (id, type) => this.#take(id, type),
      changed: () => this.#lookEagerly(),
    });
    const cancel = (id: string) => {
      for (const run of this.#running.keys()) if (run.task.id === id) void run.look();
    };
    this.#unsubscribe =
      this.#options.signals?.listen({ due: () => this.#lookEagerly(), cancel }) ?? (() => {});
    this.wake();
  }

  /** Adds the recurring tasks of this node that are missing and, where it leads, those of the cluster; a schedule that changed begins anew. */
  async schedule(): Promise<void> {
    const { metadata, ids, clock } = this.#options;
    await metadata.transaction(async ({ tasks }) => {
      const now = clock.now();
      for (const { type } of this.#mine()) {
        const recurrence = this.#recurrences.get(type);
        if (recurrence === undefined) continue;
        const priority = this.priorityOf(type);
        const task = { type, key: type, payload: {}, maxAttempts: RECURRING_ATTEMPTS, priority };
        await tasks.schedule(ids.next(), { ...task, runAt: recurrence.first(now) }, recurrence.text, now);
      }
    });
    this.wake();
  }

  #mine(): readonly TaskType[] {
    return this.#options.types.filter((type) => this.#leads || !isRecurring(type) || type.ofNode === true);
  }

  get #leads(): boolean {
    return this.#options.leads?.() ?? true;
  }

  #works(type: TaskType): boolean {
    return this.#role.works(type, this.#leads);
  }

  /** Says that a task may be due now; a runner that was not started leaves it to others. */
  wake(): void {
    if (!this.#started || this.#stopping.signal.aborted) return;
    this.#again = true;
    this.#blockedMs = BLOCKED_MS;
    this.#pump();
  }

  /** Says that these tasks were added just now; others are told of what this process has no room for, or of all where hints are given. */
  enqueued(tasks: readonly AddedTask[]): void {
    const now = this.#options.clock.now();
    const due = tasks.map((task) => ({ ...task, ...this.#dueOf(task, now) }));
    if (this.#options.push?.announce(due, now) === true) {
      this.wake();
      return;
    }
    this.#tellOf(due.filter(({ runAt }) => runAt <= now));
    this.#lookEagerly();
  }

  #dueOf({ id, type, priority, runAt }: AddedTask, now: number): DueTask {
    return { id, type, priority: priority ?? this.priorityOf(type), runAt: runAt ?? now };
  }

  #tellOf(due: readonly DueTask[]): void {
    const canStart = this.#started && !this.#stopping.signal.aborted && due.length <= this.#room;
    const open = canStart ? this.#open() : [];
    if (!due.every(({ type }) => open.includes(type))) this.#options.signals?.tellDue();
  }

  #lookEagerly(): void {
    this.#eager = true;
    this.wake();
  }

  /** Claims this task and runs it to the end of the attempt, when it is due, nobody else has it and its type is not at its limit. */
  async #take(id: string, type: string): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#claiming.set(type, (this.#claiming.get(type) ?? 0) + 1);
    let running: Promise<void> | undefined;
    try {
      const claimer = this.#claimer();
      const task = await this.#options.metadata.transaction(({ tasks }) => tasks.claimThis(id, claimer));
      if (task !== undefined) running = this.#begin(task);
    } catch (error) {
      this.#options.logger.warn({ err: error, task: id }, 'a task could not be claimed');
    } finally {
      this.#claiming.set(type, (this.#claiming.get(type) ?? 1) - 1);
    }
    await running;
  }

  /** Takes no new task, tells the running ones to end and waits for them; what is cut off is run again later. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stopping.abort(new OsproxyError('Cancelled', 'The process is about to stop.'));
    clearTimeout(this.#timer);
    await this.#options.push?.pause();
    await this.#pumping;
    await Promise.all(this.#running.values());
  }

  get #room(): number {
    const claiming = this.#claiming.values().reduce((sum, count) => sum + count, 0);
    return this.#options.concurrency - this.#running.size - claiming;
  }

  #pump(): void {
    this.#pumping ??= this.#work().finally(() => {
      this.#pumping = undefined;
      if (this.#again && !this.#stopping.signal.aborted) this.#pump();
    });
  }

  async #work(): Promise<void> {
    clearTimeout(this.#timer);
    let sleepMs = IDLE_MS;
    try {
      while (this.#again && !this.#stopping.signal.aborted) {
        this.#again = false;
        sleepMs = await this.#claimAll();
      }
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'tasks could not be claimed');
    }
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#again = true;
      this.#pump();
    }, sleepMs);
    this.#timer.unref();
  }

  /** Starts what is due as long as there is room; resolves after how many milliseconds to look again. */
  async #claimAll(): Promise<number> {
    const { metadata, clock } = this.#options;
    let atOnce = 1;
    while (this.#room > 0 && !this.#stopping.signal.aborted) {
      const eager = this.#eager;
      this.#eager = false;
      const types = this.#open();
      const heads = types.length === 0 ? [] : await metadata.tasks.heads(types);
      const now = clock.now();
      const late = eager ? heads : heads.map((head) => this.#afterHint(head));
      const due = inOrder(late, now);
      if (due.length === 0) return untilDue(late, now);
      this.#eager ||= eager;
      const wanted = Math.min(atOnce, this.#room, due.some((head) => this.#isLimited(head)) ? 1 : atOnce);
      const tasks = await this.#claim(due, wanted);
      for (const task of tasks) void this.#begin(task);
      if (tasks.length === 0) {
        const pause = this.#blockedMs;
        this.#blockedMs = Math.min(pause * 2, BLOCKED_MAX_MS);
        return pause;
      }
      atOnce = tasks.length < wanted ? 1 : atOnce * 2;
    }
    return IDLE_MS;
  }

  /** The head as it counts where a hint is expected first. */
  #afterHint(head: TaskHead): TaskHead {
    const hinted = this.#options.push?.reaches === true && !this.#recurrences.has(head.type);
    return hinted && head.state === 'pending' ? { ...head, dueAt: head.dueAt + HINT_MS } : head;
  }

  /** Several in one transaction share what a commit costs; it is asked for as many as were there the time before, and no more. */
  #claim(due: readonly TaskHead[], count: number): Promise<readonly TaskRecord[]> {
    return this.#options.metadata.transaction(async ({ tasks }) => {
      const claimed: TaskRecord[] = [];
      while (claimed.length < count) {
        const task = await tasks.claim(due, this.#claimer());
        if (task === undefined) break;
        claimed.push(task);
      }
      return claimed;
    });
  }

  #claimer(): Claimer {
    const { node, clock, leaseMs } = this.#options;
    const ruleOf = (type: string) => ({
      limit: this.#types.get(type)?.concurrency?.cluster,
      recurring: this.#recurrences.has(type),
    });
    return { node, now: clock.now(), leaseMs, ruleOf };
  }

  #isLimited({ type }: TaskHead): boolean {
    const { process, cluster } = this.#types.get(type)?.concurrency ?? {};
    return process !== undefined || cluster !== undefined;
  }

  /** Types of which this process may start one more. */
  #open(): readonly string[] {
    const counts = new Map(this.#claiming);
    for (const { task } of this.#running.keys()) counts.set(task.type, (counts.get(task.type) ?? 0) + 1);
    return this.#options.types
      .filter(
        (type) =>
          this.#works(type) &&
          (counts.get(type.type) ?? 0) < (type.concurrency?.process ?? Number.POSITIVE_INFINITY),
      )
      .map(({ type }) => type);
  }

  #begin(task: TaskRecord): Promise<void> {
    const { metadata, clock, logger, telemetry, leaseMs, cancelGraceMs = CANCEL_GRACE_MS } = this.#options;
    const run = new TaskRun(task, {
      ...{ metadata, clock, logger, telemetry, leaseMs, cancelGraceMs },
      type: this.#types.get(task.type),
      recurrence: this.#recurrences.get(task.type),
      stopping: this.#stopping.signal,
      ended: (end) => this.#ended(task, end),
    });
    const running = run.run().finally(() => {
      this.#running.delete(run);
      // Others may have waited for their turn.
      if (this.#types.get(task.type)?.concurrency?.cluster !== undefined) this.#options.signals?.tellDue();
      this.#options.push?.roomAgain();
      this.wake();
    });
    this.#running.set(run, running);
    return running;
  }

  /** Whoever has room then hears of a task that runs again. */
  #ended({ id, type, priority }: TaskRecord, end: TaskEnd): void {
    if (!('runAt' in end) || this.#recurrences.has(type)) return;
    this.#options.push?.announce([{ id, type, priority, runAt: end.runAt }], this.#options.clock.now());
  }
}

function untilDue(heads: readonly TaskHead[], now: number): number {
  const next = Math.min(...heads.map(({ dueAt }) => dueAt)) - now;
  return Math.min(Math.max(next, 5), IDLE_MS);
}
