import type { TaskState } from '#core/model/task.ts';
import { type Command, UsageError } from './command.ts';
import { mustBeMigrated, withService } from './open.ts';
import { table, timeText } from './table.ts';

const STATES: readonly TaskState[] = ['pending', 'running', 'done', 'failed', 'cancelled'];

export const tasks: Command = {
  name: 'tasks',
  usage: 'tasks list [--state <state>] [--type <type>] | tasks retry <id>',
  summary: 'Shows background work with the reason of what failed, and tries it again.',
  details: [
    '  list             the newest tasks',
    `    --state        one of ${STATES.join(', ')}`,
    '    --type         such as transfer, move, compose, purge',
    '    --json         print JSON',
    '  retry <id>       runs a failed task again, with all its attempts',
  ],
  options: { state: { type: 'string' }, type: { type: 'string' }, json: { type: 'boolean' } },
  maxWords: 2,
  async run([action, id], options, context) {
    const state = STATES.find((one) => one === options.state);
    if (options.state !== undefined && state === undefined)
      throw new UsageError(`--state is "${options.state}"; it must be one of ${STATES.join(', ')}.`);
    const isList = action === 'list' && id === undefined;
    if (!isList && (action !== 'retry' || id === undefined))
      throw new UsageError('"osproxy tasks" needs one of list, retry <id>; see "osproxy tasks --help".');
    const type = typeof options.type === 'string' ? options.type : undefined;
    return withService(context, async (service) => {
      await mustBeMigrated(service);
      if (id !== undefined) {
        const task = await service.tasks.retry(id);
        context.print(`Task ${task.id} (${task.type}) is ${task.state} again.`);
        return 0;
      }
      const found = await service.tasks.list({
        ...(state === undefined ? {} : { state }),
        ...(type === undefined ? {} : { type }),
      });
      if (options.json === true) context.print(JSON.stringify(found, null, 2));
      else {
        const rows = found.map((task) => [
          task.id,
          task.type,
          task.state,
          `${task.attempts} of ${task.maxAttempts}`,
          timeText(task.createdAt),
          timeText(task.runAt),
          task.lastError ?? '',
        ]);
        context.print(table(['ID', 'TYPE', 'STATE', 'ATTEMPTS', 'CREATED', 'DUE', 'LAST ERROR'], rows));
      }
      return 0;
    });
  },
};
