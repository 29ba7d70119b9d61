import type { Config, StoreConfig } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';
import { isOsproxyError } from '#core/errors.ts';
import type { Conditions } from '#core/events/conditions.ts';
import type { StoreLimits } from '#core/placement.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { Stores } from '#core/stores.ts';
import { cachedPeers } from '#drivers/peers/cached-peers.ts';
import type { HttpPeers } from '#drivers/peers/http-peers.ts';
import { type PreparedStore, prepareStore } from '#drivers/storage/index.ts';
import type { SmallObjectCacheOptions } from '#drivers/storage/wrappers/small-object-cache.ts';
import type { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';

const MEBIBYTE = 1024 * 1024;

export function limitsOf({ maxFileSizeMiB, allowedTypes }: StoreConfig): StoreLimits {
  return { maxFileSize: maxFileSizeMiB === undefined ? undefined : maxFileSizeMiB * MEBIBYTE, allowedTypes };
}

/** Every wrong setting of every store at once, before anything is opened. */
export async function prepareStores(config: Config): Promise<ReadonlyMap<string, PreparedStore>> {
  const prepared = new Map<string, PreparedStore>();
  const problems: string[] = [];
  for (const { name, maxFileSizeMiB: _size, allowedTypes: _types, ...settings } of config.stores) {
    try {
      prepared.set(name, await prepareStore(name, settings));
    } catch (error) {
      if (!isOsproxyError(error, 'InvalidArgument')) throw error;
      problems.push(...((error.details.problems as readonly string[] | undefined) ?? [error.message]));
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return prepared;
}

export async function startStores(
  config: Config,
  prepared: ReadonlyMap<string, PreparedStore>,
  {
    conditions,
    ...base
  }: {
    nodeId: string;
    telemetry: PrometheusTelemetry;
    logger: Logger;
    conditions: Conditions;
  },
  peers: HttpPeers | undefined,
): Promise<Stores> {
  const cache = smallObjectCacheOf(config);
  const drivers = new Map<string, StorageDriver>();
  try {
    for (const [name, store] of prepared) {
      const onAvailability = (isUp: boolean) => conditions.store(name, isUp);
      const context = { ...base, onAvailability };
      drivers.set(name, await store.start(cache === undefined ? context : { ...context, cache }));
    }
  } catch (error) {
    await Promise.all([...drivers.values()].map((driver) => driver.close()));
    throw error;
  }
  const cached = peers !== undefined && cache !== undefined ? cachedPeers(peers, cache) : peers;
  return new Stores(drivers, config.defaultStore, base.nodeId, cached);
}

function smallObjectCacheOf({ cache }: Config): SmallObjectCacheOptions | undefined {
  if (cache.smallObjectsMiB === 0) return undefined;
  return { maxBytes: cache.smallObjectsMiB * MEBIBYTE, maxObjectBytes: cache.smallObjectKiB * 1024 };
}
