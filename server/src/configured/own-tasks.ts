import type { Config } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';
import { isOsproxyError } from '#core/errors.ts';
import { BUILT_IN_TYPES } from '#core/tasks/index.ts';
import type { OwnTask } from '#core/tasks/own-task.ts';
import { loadTask } from '#drivers/task-modules/index.ts';

/** The handlers of the configuration. Throws a ConfigError with every one that cannot be used, before anything is opened. */
export async function loadOwnTasks({ tasks }: Config): Promise<readonly OwnTask[]> {
  const problems: string[] = [];
  const loaded = new Map<string, { readonly own: OwnTask; readonly path: string }>();
  for (const path of tasks.handlers) {
    try {
      const own = await loadTask(path);
      const other = loaded.get(own.type);
      if (BUILT_IN_TYPES.has(own.type))
        problems.push(`The module ${path} has the type "${own.type}", which is built in; give it another.`);
      else if (other !== undefined)
        problems.push(`The modules ${other.path} and ${path} have the same type "${own.type}".`);
      else loaded.set(own.type, { own, path });
    } catch (error) {
      if (!isOsproxyError(error, 'InvalidArgument')) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return [...loaded.values()].map(({ own }) => own);
}
