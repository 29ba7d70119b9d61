import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { MemoryDriver } from '#drivers/storage/memory/memory-driver.ts';
import { withConcurrencyLimit } from '#drivers/storage/wrappers/with-concurrency-limit.ts';
import { withRetry } from '#drivers/storage/wrappers/with-retry.ts';
import { withSmallObjectCache } from '#drivers/storage/wrappers/with-small-object-cache.ts';
import { withTelemetry } from '#drivers/storage/wrappers/with-telemetry.ts';
import { storageContract } from './storage-contract.ts';

const KIB = 1024;

function wrapped(name: string, wrap: (driver: StorageDriver) => StorageDriver): void {
  storageContract(`memory ${name}`, async () => ({
    driver: wrap(new MemoryDriver()),
    cleanup: async () => {},
  }));
}

wrapped('with telemetry', (driver) => withTelemetry(driver, { store: 'test', telemetry: silentTelemetry }));
wrapped('with a small-object cache', (driver) =>
  withSmallObjectCache(driver, { maxBytes: 500 * KIB, maxObjectBytes: 100 * KIB }),
);
wrapped('with a concurrency limit', (driver) =>
  withConcurrencyLimit(driver, { maxReads: 3, maxWrites: 2, maxQueued: 1000 }),
);
wrapped('with retry', (driver) => withRetry(driver, { baseDelayMs: 1 }));
