import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { OsproxyError } from '#core/errors.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { localDisk } from './local-disk/index.ts';
import { memory } from './memory/index.ts';
import type { StorageDriverContext, StorageDriverType } from './storage-driver-type.ts';
import { type SmallObjectCacheOptions, withSmallObjectCache } from './wrappers/with-small-object-cache.ts';
import { withTelemetry } from './wrappers/with-telemetry.ts';

/** Every kind of store by the name it has in the configuration. */
export const storageDrivers = {
  memory,
  'local-disk': localDisk,
};

/** A store as configured: its kind and the settings of that kind. */
export interface StoreSettings {
  readonly type: keyof typeof storageDrivers;
  readonly [setting: string]: unknown;
}

export interface OpenStoreContext extends StorageDriverContext {
  /** Omitted or without bytes: small objects are not kept in memory. */
  readonly cache?: SmallObjectCacheOptions;
}

/** Starts the store and puts the wrappers around it. Throws InvalidArgument for settings that its kind does not have. */
export async function openStore(
  name: string,
  settings: StoreSettings,
  context: OpenStoreContext,
): Promise<StorageDriver> {
  const { type, ...given } = settings;
  const driver = await create(name, storageDrivers[type], given, context);
  const counted = withTelemetry(driver, { store: name, telemetry: context.telemetry });
  const { cache } = context;
  return cache === undefined || cache.maxBytes === 0 ? counted : withSmallObjectCache(counted, cache);
}

async function create<Settings extends TSchema>(
  name: string,
  kind: StorageDriverType<Settings>,
  given: Readonly<Record<string, unknown>>,
  context: StorageDriverContext,
): Promise<StorageDriver> {
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  if (Value.Check(kind.settings, present)) return kind.create(present, context);
  const [problem] = Value.Errors(kind.settings, present);
  throw new OsproxyError(
    'InvalidArgument',
    `The settings of the store "${name}" are wrong: ${problem?.instancePath ?? ''} ${problem?.message ?? ''}.`,
  );
}
