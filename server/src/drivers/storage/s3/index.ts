import type { StorageDriverType } from '../storage-driver-type.ts';
import { withCircuitBreaker } from '../wrappers/with-circuit-breaker.ts';
import { withConcurrencyLimit } from '../wrappers/with-concurrency-limit.ts';
import { withRetry } from '../wrappers/with-retry.ts';
import { resolveSettings } from './resolve-settings.ts';
import { s3Settings } from './settings.ts';

/** Calls of each kind that may wait while the store is busy. */
const MAX_QUEUED = 1000;

/**
 * Outermost the limit: a call that finds the house full says nothing about the store, so neither the breaker nor the retry may see it.
 * Then the breaker: it counts calls that failed for good, and while it is open nobody waits through attempts that cannot succeed.
 */
export const s3: StorageDriverType<typeof s3Settings> = {
  settings: s3Settings,
  async create(settings, { onAvailability }) {
    const options = resolveSettings(settings);
    const { maxSockets, concurrency } = options;
    // The SDK takes a tenth of a second and more to load; only those who use it pay.
    const { S3Driver } = await import('./s3-driver.ts');
    const steady = withCircuitBreaker(withRetry(new S3Driver(options)), {
      onChange: (isOpen) => onAvailability?.(!isOpen),
    });
    return withConcurrencyLimit(steady, {
      // A read takes one connection, a write up to one per part: together never more than there are.
      maxReads: Math.floor(maxSockets / 2),
      maxWrites: Math.floor(maxSockets / 2 / concurrency),
      maxQueued: MAX_QUEUED,
    });
  },
};
