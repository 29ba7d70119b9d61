import { type Static, Type } from 'typebox';
import { TASK_PRIORITIES, TASK_STATES, type TaskAttempt, type TaskRecord } from '#core/model/task.ts';
import type { TaskReport, TaskTypeView } from '#core/task-board.ts';
import { ref } from './schemas.ts';

function time(description: string) {
  return Type.String({ format: 'date-time', description });
}

const taskFields = {
  id: Type.String(),
  type: Type.String({ examples: ['transfer'] }),
  key: Type.String({ description: 'What it is about; one task of a type and key waits or runs at a time.' }),
  state: Type.Enum([...TASK_STATES]),
  priority: Type.Enum([...TASK_PRIORITIES]),
  attempts: Type.Integer(),
  maxAttempts: Type.Integer(),
  runAt: time('When it is due. UTC.'),
  node: Type.Optional(Type.String({ description: 'Where it runs.' })),
  progress: Type.Optional(
    Type.Object(
      {
        done: Type.Number(),
        total: Type.Optional(Type.Number()),
        unit: Type.String({ examples: ['bytes'] }),
      },
      { description: 'How far the attempt has come that runs or ran last; some seconds old.' },
    ),
  ),
  cancelRequestedAt: Type.Optional(time('Set while it still runs. UTC.')),
  lastError: Type.Optional(Type.String()),
  createdAt: time('UTC.'),
  updatedAt: time('UTC.'),
  endedAt: Type.Optional(time('UTC.')),
};

export const TaskBody = Type.Object(taskFields, { $id: 'Task', description: 'A piece of background work.' });
type TaskBody = Static<typeof TaskBody>;

export const TaskListBody = Type.Object(
  {
    tasks: Type.Array(ref(TaskBody)),
    next: Type.Union([Type.String(), Type.Null()], {
      description: '`cursor` of the next page; null at the end.',
    }),
  },
  { $id: 'TaskList', description: 'Tasks, newest first.' },
);

const Attempt = Type.Object({
  number: Type.Integer({ description: 'Grows with each attempt.' }),
  node: Type.String(),
  startedAt: time('UTC.'),
  endedAt: Type.Optional(time('UTC.')),
  outcome: Type.Enum(['running', 'done', 'retry', 'released', 'failed', 'lost', 'cancelled'], {
    description:
      'retry: it failed and is tried again. released: its process stopped in good order. lost: its process fell silent.',
  }),
  error: Type.Optional(Type.String()),
});

export const TaskReportBody = Type.Object(
  {
    ...taskFields,
    payload: Type.Unknown({ description: 'What its type was given to work on.' }),
    history: Type.Array(Attempt, { description: 'The last hundred attempts, the oldest first.' }),
  },
  { $id: 'TaskReport', description: 'A task with every attempt and its error.' },
);
type TaskReportBody = Static<typeof TaskReportBody>;

const count = (description?: string) => Type.Integer(description === undefined ? {} : { description });

export const TaskTypeBody = Type.Object(
  {
    type: Type.String({ examples: ['transfer'] }),
    isKnown: Type.Boolean({ description: 'False for a type that this node cannot run.' }),
    pausedAt: Type.Optional(time('Since when none of its tasks starts. UTC.')),
    priority: Type.Enum([...TASK_PRIORITIES], { description: 'Of tasks that have none of their own.' }),
    schedule: Type.Optional(Type.String({ description: 'When its recurring task runs.' })),
    limits: Type.Object(
      { process: Type.Optional(Type.Integer()), cluster: Type.Optional(Type.Integer()) },
      { description: 'Most of its tasks at once on each process, and on all nodes together.' },
    ),
    counts: Type.Object(
      { pending: count(), running: count(), done: count(), failed: count(), cancelled: count() },
      { description: 'Tasks by state, each counted up to 10 000.' },
    ),
    waitingSince: Type.Optional(time('When the task that waits longest fell due. UTC.')),
  },
  { $id: 'TaskType', description: 'A type of background work in the whole cluster.' },
);
type TaskTypeBody = Static<typeof TaskTypeBody>;

export const TaskTypeListBody = Type.Object(
  { types: Type.Array(ref(TaskTypeBody)) },
  { $id: 'TaskTypeList', description: 'Types by name.' },
);

export const TASK_SCHEMAS = [TaskBody, TaskListBody, TaskReportBody, TaskTypeBody, TaskTypeListBody];

export function taskBody(task: TaskRecord): TaskBody {
  const { id, type, key, state, priority, attempts, maxAttempts, node, progress, lastError } = task;
  return {
    ...{ id, type, key, state, priority, attempts, maxAttempts, runAt: iso(task.runAt) },
    ...(node === undefined ? {} : { node }),
    ...(progress === undefined ? {} : { progress: { ...progress } as TaskBody['progress'] }),
    ...(task.cancelAt === undefined ? {} : { cancelRequestedAt: iso(task.cancelAt) }),
    ...(lastError === undefined ? {} : { lastError }),
    ...{ createdAt: iso(task.createdAt), updatedAt: iso(task.updatedAt) },
    ...(task.endedAt === undefined ? {} : { endedAt: iso(task.endedAt) }),
  } as TaskBody;
}

export function taskReportBody({ task, attempts }: TaskReport): TaskReportBody {
  return { ...taskBody(task), payload: task.payload, history: attempts.map(attemptBody) };
}

function attemptBody({ fence, node, startedAt, finishedAt, outcome, error }: TaskAttempt) {
  return {
    ...{ number: fence, node, startedAt: iso(startedAt), outcome },
    ...(finishedAt === undefined ? {} : { endedAt: iso(finishedAt) }),
    ...(error === undefined ? {} : { error }),
  };
}

export function taskTypeBody(view: TaskTypeView): TaskTypeBody {
  const { type, isKnown, pausedAt, priority, schedule, processLimit, clusterLimit, counts, waitingSince } =
    view;
  return {
    ...{ type, isKnown, priority, counts: { ...counts } },
    ...(pausedAt === undefined ? {} : { pausedAt: iso(pausedAt) }),
    ...(schedule === undefined ? {} : { schedule }),
    limits: {
      ...(processLimit === undefined ? {} : { process: processLimit }),
      ...(clusterLimit === undefined ? {} : { cluster: clusterLimit }),
    },
    ...(waitingSince === undefined ? {} : { waitingSince: iso(waitingSince) }),
  };
}

/** A time that no calendar reaches is shown as the last one that it does. */
function iso(ms: number): string {
  return new Date(Math.min(ms, LAST_TIME)).toISOString();
}

const LAST_TIME = Date.UTC(9999, 11, 31);
