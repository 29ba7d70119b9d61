import type { Config } from '#config/config.ts';
import { prepareDataDir } from '#config/data-dir.ts';
import { loadConfig } from '#config/load-config.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { Context, Service } from './context.ts';

/** Short commands print results, so they log nothing but warnings, and those to stderr. */
function quietLogger(context: Context): Logger {
  const tell = (_fields: object, message: string) => context.complain(message);
  const logger: Logger = { debug: () => {}, info: () => {}, warn: tell, error: tell, child: () => logger };
  return logger;
}

/** Opens the service of the configuration for one piece of work and always closes it; refuses a database that is newer than this build. */
export async function withService<T>(
  context: Context,
  work: (service: Service, config: Config) => Promise<T>,
): Promise<T> {
  return withAnyDatabase(context, async (service, config) => {
    await service.schema();
    return work(service, config);
  });
}

/** For a command that says itself what is wrong with the database. */
export async function withAnyDatabase<T>(
  context: Context,
  work: (service: Service, config: Config) => Promise<T>,
): Promise<T> {
  const config = await loadConfig(context);
  prepareDataDir(config);
  const service = await context.openService(config, quietLogger(context));
  try {
    return await work(service, config);
  } finally {
    await service.close();
  }
}

/** Rejects when the database still lacks migrations, for commands that must not change it. */
export async function mustBeMigrated(service: Service): Promise<void> {
  const { pending } = await service.schema();
  if (pending.length === 0) return;
  throw new OsproxyError(
    'Conflict',
    `The database lacks ${pending.length} migration${pending.length === 1 ? '' : 's'}; run "osproxy migrate" first.`,
  );
}
