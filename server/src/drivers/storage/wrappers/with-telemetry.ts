import { toOsproxyError } from '#core/errors.ts';
import type { ListedObject, StorageDriver } from '#core/ports/storage-driver.ts';
import type { Telemetry } from '#core/ports/telemetry.ts';
import { type ReadEnd, watchObject } from './watch-object.ts';
import { wrapDriver } from './wrap-driver.ts';

export interface TelemetryOptions {
  /** Name of the store as configured. */
  readonly store: string;
  readonly telemetry: Telemetry;
}

/**
 * Counts and times every call. A stream counts once more as "read" when it ends, with the time since it was opened; a consumer that
 * leaves early counts as Cancelled. Bytes that are in memory when the object is opened are no stream.
 */
export function withTelemetry(driver: StorageDriver, options: TelemetryOptions): StorageDriver {
  const { store, telemetry } = options;
  const begin = (operation: string): ((outcome: string) => void) => {
    const startedAt = performance.now();
    return (outcome) =>
      telemetry.storageOperation(store, operation, outcome, (performance.now() - startedAt) / 1000);
  };
  const wrapped = wrapDriver(driver, async (operation, call) => {
    const report = begin(operation);
    try {
      const result = await call();
      report('ok');
      return result;
    } catch (error) {
      report(toOsproxyError(error).code);
      throw error;
    }
  });
  return {
    ...wrapped,
    async open(key, range, callOptions) {
      const object = await wrapped.open(key, range, callOptions);
      if (object.bytes !== undefined) return object;
      const report = begin('read');
      return watchObject(object, (end) => report(outcomeOf(end)));
    },
    async *list(prefix, callOptions): AsyncGenerator<ListedObject> {
      const report = begin('list');
      let outcome = 'Cancelled';
      try {
        yield* driver.list(prefix, callOptions);
        outcome = 'ok';
      } catch (error) {
        outcome = toOsproxyError(error).code;
        throw error;
      } finally {
        report(outcome);
      }
    },
  };
}

function outcomeOf(end: ReadEnd): string {
  if (end.kind === 'failed') return toOsproxyError(end.error).code;
  return end.kind === 'read' ? 'ok' : 'Cancelled';
}
