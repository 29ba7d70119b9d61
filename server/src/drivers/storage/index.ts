import { isAbsolute } from 'node:path';
import { isOsproxyError, OsproxyError } from '#core/errors.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { settingsProblems } from '../settings-problems.ts';
import { localDisk } from './local-disk/index.ts';
import { memory } from './memory/index.ts';
import { loadOwnType } from './own-module.ts';
import { s3 } from './s3/index.ts';
import type { StorageDriverContext, StorageDriverType } from './storage-driver-type.ts';
import type { SmallObjectCacheOptions } from './wrappers/small-object-cache.ts';
import { withSmallObjectCache } from './wrappers/with-small-object-cache.ts';
import { withTelemetry } from './wrappers/with-telemetry.ts';

/** Every kind of store by the name it has in the configuration. */
export const storageDrivers = {
  memory,
  'local-disk': localDisk,
  s3,
};

/** A store as configured: its kind, or the absolute path of a module, and the settings of that kind. */
export interface StoreSettings {
  readonly type: string;
  readonly [setting: string]: unknown;
}

export interface OpenStoreContext extends StorageDriverContext {
  /** Omitted or without bytes: small objects are not kept in memory. */
  readonly cache?: SmallObjectCacheOptions;
}

/** A store whose settings were found good; starting it may still fail. */
export interface PreparedStore {
  start(context: OpenStoreContext): Promise<StorageDriver>;
}

/** Checks the settings without touching the store. Throws InvalidArgument; `details.problems` has one sentence per wrong setting. */
export async function prepareStore(name: string, settings: StoreSettings): Promise<PreparedStore> {
  const { type, ...given } = settings;
  const kind = await typeOf(name, type);
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const problems = settingsProblems({ what: 'store', name, type }, kind.settings, present);
  if (problems.length > 0)
    throw new OsproxyError('InvalidArgument', problems.join(' '), { details: { problems } });
  return {
    start: async (context) => {
      const driver = await started(name, type, () => kind.create(present, context));
      const counted = withTelemetry(driver, { store: name, telemetry: context.telemetry });
      const { cache } = context;
      return cache === undefined || cache.maxBytes === 0 ? counted : withSmallObjectCache(counted, cache);
    },
  };
}

/** Which of several stores has the settings that do not fit together, the driver does not know. */
async function started(
  name: string,
  type: string,
  create: () => Promise<StorageDriver>,
): Promise<StorageDriver> {
  try {
    return await create();
  } catch (error) {
    if (!isOsproxyError(error, 'InvalidArgument')) throw error;
    const message = `The store "${name}" of type ${type} has a wrong setting: ${error.message}`;
    throw new OsproxyError('InvalidArgument', message, { cause: error });
  }
}

/** Starts the store and puts the wrappers around it. Throws InvalidArgument for settings that its kind does not have. */
export async function openStore(
  name: string,
  settings: StoreSettings,
  context: OpenStoreContext,
): Promise<StorageDriver> {
  return (await prepareStore(name, settings)).start(context);
}

async function typeOf(name: string, type: string): Promise<StorageDriverType> {
  if (isAbsolute(type)) return loadOwnType(type);
  if (Object.hasOwn(storageDrivers, type)) {
    return storageDrivers[type as keyof typeof storageDrivers] as unknown as StorageDriverType;
  }
  const known = Object.keys(storageDrivers).sort().join(', ');
  throw new OsproxyError(
    'InvalidArgument',
    `The store "${name}" has the type "${type}"; it must be one of ${known}, or the path of a module such as ./my-store.ts.`,
  );
}
