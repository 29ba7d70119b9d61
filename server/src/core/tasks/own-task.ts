import { Check } from 'typebox/value';
import type { Downloads } from '../downloads.ts';
import { isOsproxyError, OsproxyError, toOsproxyError } from '../errors.ts';
import type { FileRecords } from '../file-records.ts';
import type { Verdict } from '../holds.ts';
import type { Idempotency } from '../idempotency.ts';
import type { TaskPriority } from '../model/task.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { Uploads } from '../uploads.ts';
import { judgingType } from './judging.ts';
import { type OwnJob, ownJob } from './own-job.ts';
import type { TaskContext, TaskType } from './task-type.ts';
import type { Trigger } from './trigger.ts';

/** A trigger as a module says it. */
type OwnTrigger = Omit<Trigger, 'payload' | 'key'>;

/** What a module of somebody's own exports; docs/write-a-task.md describes it. */
export interface OwnTask {
  readonly type: string;
  /** JSON schema of an object. */
  readonly schema: object;
  readonly on?: readonly OwnTrigger[];
  readonly everySeconds?: number;
  /** A cron expression, instead of `everySeconds`. */
  readonly schedule?: string;
  readonly priority?: TaskPriority;
  readonly concurrency?: NonNullable<TaskType['concurrency']>;
  readonly attempts?: number;
  /** Limit of one attempt. */
  readonly timeoutSeconds?: number;
  precheck?(payload: unknown, job: OwnJob): boolean | Promise<boolean>;
  handle(payload: unknown, job: OwnJob): unknown;
}

export interface OwnTaskParts {
  readonly metadata: Metadata;
  readonly records: FileRecords;
  readonly downloads: Downloads;
  readonly idempotency: Idempotency;
  readonly clock: Clock;
  /** Puts files that do not leave tasks of this type again. */
  readonly uploadsOf: (type: string) => Uploads;
}

const DEFAULT_TIMEOUT_SECONDS = 3600;
/** A handler that was told to end is waited for so long, then left alone. */
const ENDING_MS = 5000;

/** The task type that runs a handler of somebody's own. */
export function ownTaskType(parts: OwnTaskParts, own: OwnTask): TaskType {
  const { type, attempts, priority, concurrency } = own;
  const rules = {
    ...(priority === undefined ? {} : { priority }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
  const judging = own.on?.find((trigger) => trigger.holds === true);
  if (judging !== undefined) {
    const { event: _event, holds: _holds, ...match } = judging;
    const judge = judgingType(parts, {
      ...{ type, match, attempts },
      judge: async ({ file }, context) => {
        const { uid } = file;
        return verdictOf(type, await run(parts, own, { uid }, context, uid));
      },
    });
    return { ...judge, ...rules };
  }
  return {
    type,
    schema: own.schema,
    ...rules,
    ...(own.schedule === undefined ? {} : { schedule: { cron: own.schedule } }),
    ...(own.on === undefined ? {} : { on: own.on }),
    ...(own.everySeconds === undefined ? {} : { everyMs: own.everySeconds * 1000 }),
    ...(attempts === undefined ? {} : { attempts }),
    handle: async (payload, context) => {
      await run(parts, own, payload, context, undefined);
      return 'done';
    },
  };
}

/** False for those that hold files back: nobody but a file makes tasks of them. */
export function isSubmitted({ on = [] }: TaskType): boolean {
  return !on.some(({ holds }) => holds === true);
}

/** One attempt: pre-check and handler, within the limit. */
async function run(
  parts: OwnTaskParts,
  own: OwnTask,
  payload: unknown,
  context: TaskContext,
  judged: string | undefined,
): Promise<unknown> {
  const limit = own.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const late = new AbortController();
  const tooLong = new OsproxyError(
    'Unavailable',
    `The handler of "${own.type}" took longer than ${limit} seconds.`,
  );
  const timer = setTimeout(() => late.abort(tooLong), limit * 1000);
  const signal = AbortSignal.any([context.signal, late.signal]);
  const job = ownJob(
    { ...parts, uploads: parts.uploadsOf(own.type) },
    { ...context, signal },
    { type: own.type, judged },
  );
  const work = async () => {
    if (!Check(own.schema, payload)) throw new OsproxyError('InvalidArgument', 'The payload does not fit.');
    const wanted = (await own.precheck?.(payload, job.api)) ?? true;
    // Where it judges there is always something to say.
    return wanted || judged !== undefined ? own.handle(payload, job.api) : undefined;
  };
  try {
    return await orLeave(work(), signal);
  } catch (error) {
    if (signal.aborted) throw toOsproxyError(signal.reason);
    throw explained(own.type, error);
  } finally {
    clearTimeout(timer);
    job.close();
  }
}

/** Waits for the work; once the signal has fired only a while longer, however little the work cares. */
async function orLeave<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const left = new Promise<never>((_resolve, reject) => {
    const leave = () => {
      timer = setTimeout(() => reject(signal.reason), ENDING_MS);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, left]);
  } finally {
    clearTimeout(timer);
  }
}

/** What this service says keeps its code; what the handler throws is named as its own. */
function explained(type: string, error: unknown): OsproxyError {
  if (isOsproxyError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new OsproxyError('Internal', `The handler of "${type}" failed: ${reason}`, {
    cause: error instanceof Error ? new Error(error.name, { cause: error }) : error,
  });
}

function verdictOf(type: string, answer: unknown): Verdict {
  const { yes, no, undecided } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<
    string,
    unknown
  >;
  if (yes === true) return { yes };
  if (typeof no === 'string' && no !== '') return { no };
  if (typeof undecided === 'string' && undecided !== '') return { undecided };
  throw new OsproxyError(
    'Internal',
    `The handler of "${type}" gave no verdict; it must return { yes: true }, { no: reason } or { undecided: reason }.`,
  );
}
