import type { Config } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';
import { isOsproxyError } from '#core/errors.ts';
import type { Logger } from '#core/ports/logger.ts';
import { adjustedTypes } from '#core/tasks/adjusted-types.ts';
import { isRecurring } from '#core/tasks/recurrence.ts';
import { unknownTypes } from '#core/tasks/task-role.ts';
import type { TaskType } from '#core/tasks/task-type.ts';
import { cronerCron } from '#drivers/cron/croner.ts';
import { readRabbitSettings } from '#drivers/rabbitmq/settings.ts';
import { RabbitTaskPush } from '#drivers/task-push/rabbitmq-task-push.ts';

/** Longest time that the broker takes to connect and to answer. */
const ANSWER_MS = 15_000;

/** What the configuration says of types of tasks, with every wrong name and schedule at once. */
export function configuredTypes({ tasks }: Config, types: readonly TaskType[]): readonly TaskType[] {
  const lists = { 'tasks.leftToWorkers': tasks.leftToWorkers, 'tasks.worker.types': tasks.worker.types };
  const problems = Object.entries(lists).flatMap(([setting, names]) =>
    unknownTypes(names, types).map(
      (name) => `${setting} names "${name}", which is not a type of tasks here.`,
    ),
  );
  if (problems.length > 0) throw new ConfigError(problems);
  try {
    return adjustedTypes(types, tasks, cronerCron);
  } catch (error) {
    if (!isOsproxyError(error, 'InvalidArgument')) throw error;
    throw new ConfigError((error.details.problems as readonly string[] | undefined) ?? [error.message]);
  }
}

/** How processes are told of tasks, where that is not by the database alone. */
export function taskPushOf(
  { tasks, rabbitmq }: Config,
  types: readonly TaskType[],
  logger: Logger,
): RabbitTaskPush | undefined {
  if (tasks.dispatch === 'database') return undefined;
  return new RabbitTaskPush({
    rabbit: { ...readRabbitSettings(rabbitmq), name: 'osproxy tasks', timeoutMs: ANSWER_MS },
    prefix: tasks.queuePrefix,
    types: types.filter((type) => !isRecurring(type)).map(({ type }) => type),
    logger,
  });
}
