import { TASK_STATES, type TaskAttempt, type TaskProgress, type TaskRecord } from '#core/model/task.ts';
import type { TaskReport, TaskTypeView } from '#core/task-board.ts';
import { type Command, UsageError } from './command.ts';
import type { Service } from './context.ts';
import { mustBeMigrated, withService } from './open.ts';
import { table, timeText } from './table.ts';

const PAGE = 200;
const ACTIONS = 'list, show <id>, cancel <id>, retry <id>, types, pause <type>, resume <type>';

export const tasks: Command = {
  name: 'tasks',
  usage:
    'tasks list [--state <state>] [--type <type>] | tasks show|cancel|retry <id> | tasks types | tasks pause|resume <type>',
  summary: 'Shows background work and every attempt of it, cancels it, tries it again, pauses types of it.',
  details: [
    '  list             the newest tasks',
    `    --state        one of ${TASK_STATES.join(', ')}`,
    '    --type         such as transfer, move, compose, purge',
    '    --limit        most tasks that are shown, 1 to 1000 (200)',
    '    --after        the id of a task that was shown last: those that come after it',
    '  show <id>        one task with its attempts and what each ended with',
    '  cancel <id>      ends a waiting task, or asks the node that runs it to end it',
    '    --reason       why, for whoever reads it later',
    '  retry <id>       runs a failed or cancelled task again, with all its attempts',
    '  types            types of work, how much of each there is, what is paused',
    '  pause <type>     starts no more of a type, on every node; those that run go on',
    '  resume <type>    starts them again',
    '    --json         print JSON',
  ],
  options: {
    state: { type: 'string' },
    type: { type: 'string' },
    limit: { type: 'string' },
    after: { type: 'string' },
    reason: { type: 'string' },
    json: { type: 'boolean' },
  },
  maxWords: 2,
  async run([action, name], options, context) {
    const work = workOf(action, name, options);
    return withService(context, async (service) => {
      await mustBeMigrated(service);
      const { json, text } = await work(service.tasks);
      context.print(options.json === true ? JSON.stringify(json, null, 2) : text());
      return 0;
    });
  },
};

interface Answer {
  readonly json: unknown;
  readonly text: () => string;
}
type Work = (tasks: Service['tasks']) => Promise<Answer>;
type Options = Parameters<Command['run']>[1];

/** Throws UsageError before anything is opened. */
function workOf(action: string | undefined, name: string | undefined, options: Options): Work {
  if (name === undefined) {
    if (action === 'list') return listWork(options);
    if (action === 'types')
      return async (tasks) => {
        const types = await tasks.types();
        return { json: types, text: () => typesText(types) };
      };
  } else if (action === 'show') {
    return async (tasks) => {
      const report = await tasks.report(name);
      return { json: report, text: () => reportText(report) };
    };
  } else if (action === 'retry') {
    return async (tasks) => {
      const task = await tasks.retry(name);
      return {
        json: task,
        text: () => `Task ${task.id} (${task.type}) is due again, with all its attempts.`,
      };
    };
  } else if (action === 'cancel') {
    const reason = textOf(options.reason);
    return async (tasks) => {
      const task = await tasks.cancel(name, reason);
      return { json: task, text: () => cancelText(task) };
    };
  } else if (action === 'pause' || action === 'resume') {
    return async (tasks) => {
      const type = await tasks[action](name);
      const { pending, running } = type.counts;
      const what = type.pausedAt === undefined ? 'is not paused any more' : 'is paused';
      return {
        json: type,
        text: () => `The type "${type.type}" ${what}; ${pending} of its tasks wait, ${running} run.`,
      };
    };
  }
  throw new UsageError(`"osproxy tasks" needs one of ${ACTIONS}; see "osproxy tasks --help".`);
}

function listWork(options: Options): Work {
  const state = TASK_STATES.find((one) => one === options.state);
  if (options.state !== undefined && state === undefined)
    throw new UsageError(`--state is "${options.state}"; it must be one of ${TASK_STATES.join(', ')}.`);
  const limit = Number(options.limit ?? PAGE);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw new UsageError(`--limit is "${options.limit}"; it must be a whole number from 1 to 1000.`);
  const type = textOf(options.type);
  const afterId = textOf(options.after);
  return async (tasks) => {
    const after = afterId === undefined ? undefined : (await tasks.report(afterId)).task;
    const found = await tasks.list({ state, type, after }, limit);
    return { json: found, text: () => listText(found) };
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function cancelText({ id, type, state }: TaskRecord): string {
  if (state === 'cancelled') return `Task ${id} (${type}) is cancelled.`;
  return `Task ${id} (${type}) is ${state}; its node was asked to end it.`;
}

function listText(tasks: readonly TaskRecord[]): string {
  const rows = tasks.map((task) => [
    task.id,
    task.type,
    task.cancelAt === undefined ? task.state : 'cancelling',
    task.priority,
    `${task.attempts} of ${task.maxAttempts}`,
    progressText(task.progress),
    timeText(task.createdAt),
    timeText(task.runAt),
    task.lastError ?? '',
  ]);
  return table(
    ['ID', 'TYPE', 'STATE', 'PRIORITY', 'ATTEMPTS', 'PROGRESS', 'CREATED', 'DUE', 'LAST ERROR'],
    rows,
  );
}

function reportText({ task, attempts }: TaskReport): string {
  const facts: [string, string][] = [
    ['ID', task.id],
    ['TYPE', task.type],
    ['KEY', task.key],
    ['STATE', task.cancelAt === undefined ? task.state : 'cancelling'],
    ['PRIORITY', task.priority],
    ['ATTEMPTS', `${task.attempts} of ${task.maxAttempts}`],
    ['NODE', task.node ?? ''],
    ['PROGRESS', progressText(task.progress)],
    ['CREATED', timeText(task.createdAt)],
    ['DUE', timeText(task.runAt)],
    ['ENDED', timeText(task.endedAt)],
    ['LAST ERROR', task.lastError ?? ''],
    ['PAYLOAD', JSON.stringify(task.payload)],
  ];
  const [first = ['', ''], ...rest] = facts;
  return `${table(first, rest)}\n\n${attemptsText(attempts)}`;
}

function attemptsText(attempts: readonly TaskAttempt[]): string {
  const rows = attempts.map((attempt) => [
    String(attempt.fence),
    attempt.node,
    timeText(attempt.startedAt),
    timeText(attempt.finishedAt),
    attempt.outcome,
    attempt.error ?? '',
  ]);
  return table(['ATTEMPT', 'NODE', 'STARTED', 'ENDED', 'OUTCOME', 'ERROR'], rows);
}

function typesText(types: readonly TaskTypeView[]): string {
  const rows = types.map(({ type, pausedAt, counts, waitingSince, schedule, ...view }) => [
    type,
    pausedAt === undefined ? 'active' : `paused since ${timeText(pausedAt)}`,
    String(counts.pending),
    String(counts.running),
    String(counts.failed),
    timeText(waitingSince),
    view.priority,
    limitsText(view),
    schedule ?? '',
  ]);
  return table(
    ['TYPE', 'STATE', 'WAITING', 'RUNNING', 'FAILED', 'OLDEST DUE', 'PRIORITY', 'LIMITS', 'SCHEDULE'],
    rows,
  );
}

function limitsText({
  processLimit,
  clusterLimit,
}: Pick<TaskTypeView, 'processLimit' | 'clusterLimit'>): string {
  const limits: string[] = [];
  if (processLimit !== undefined) limits.push(`${processLimit} per process`);
  if (clusterLimit !== undefined) limits.push(`${clusterLimit} in all`);
  return limits.join(', ');
}

function progressText(progress: TaskProgress | undefined): string {
  if (progress === undefined) return '';
  const { done, total, unit } = progress;
  return total === undefined ? `${done} ${unit}` : `${done} of ${total} ${unit}`;
}
