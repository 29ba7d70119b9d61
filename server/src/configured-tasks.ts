import type { Config } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';
import { isOsproxyError } from '#core/errors.ts';
import { adjustedTypes } from '#core/tasks/adjusted-types.ts';
import type { TaskType } from '#core/tasks/task-type.ts';
import { cronerCron } from '#drivers/cron/croner.ts';

/** What the configuration says of types of tasks, with every wrong name and schedule at once. */
export function configuredTypes({ tasks }: Config, types: readonly TaskType[]): readonly TaskType[] {
  try {
    return adjustedTypes(types, tasks, cronerCron);
  } catch (error) {
    if (!isOsproxyError(error, 'InvalidArgument')) throw error;
    throw new ConfigError((error.details.problems as readonly string[] | undefined) ?? [error.message]);
  }
}
