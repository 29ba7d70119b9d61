import { isOsproxyError, OsproxyError } from '#core/errors.ts';
import type { ByteSource, ListedObject, StorageDriver } from '#core/ports/storage-driver.ts';
import { watchObject } from './watch-object.ts';
import { wrapDriver } from './wrap-driver.ts';

export interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit, ≥ 1. Default 5. */
  readonly failures?: number;
  /** They must all fall into this time, in milliseconds. Default 60 000. */
  readonly windowMs?: number;
  /** First pause before a probe, in milliseconds; it doubles with every probe that fails. Default 1000. */
  readonly pauseMs?: number;
  /** Longest pause, in milliseconds. Default 30 000. */
  readonly maxPauseMs?: number;
  /** Told true when the circuit opens, false when it closes again; not at every probe that fails. */
  readonly onChange?: (isOpen: boolean) => void;
}

/**
 * Spares a store that is down, and those who call it: after some failures in a row every call fails at once with Unavailable and
 * the seconds to wait. After a pause one call goes through as a probe; when it succeeds all do again. Only a retryable Unavailable counts
 * as failure, also one in the middle of a stream; an answer such as NotFound proves that the store is there.
 */
export function withCircuitBreaker(
  driver: StorageDriver,
  options: CircuitBreakerOptions = {},
): StorageDriver {
  const circuit = new Circuit(options);
  const guarded = async <T>(call: () => Promise<T>, isForeign: (error: unknown) => boolean): Promise<T> => {
    const pass = circuit.enter();
    try {
      const result = await call();
      pass.report('alive');
      return result;
    } catch (error) {
      pass.report(isForeign(error) ? 'unknown' : judge(error));
      throw error;
    }
  };
  const wrapped = wrapDriver(driver, (operation, call) =>
    // A URL is signed here; the store is not asked.
    operation === 'presign' ? call() : guarded(call, () => false),
  );
  return {
    ...wrapped,
    put(key, source, callOptions) {
      const watched = new WatchedSource(source);
      return guarded(
        () => driver.put(key, watched, callOptions),
        (error) => watched.threw(error),
      );
    },
    async open(key, range, callOptions) {
      const pass = circuit.enter();
      try {
        const object = await driver.open(key, range, callOptions);
        const whole = object.bytes !== undefined;
        // A probe has its answer now; how long its reader takes is another matter.
        if (whole || pass.probe) pass.report('alive');
        if (whole) return object;
        const stream = pass.probe ? circuit.enter() : pass;
        return watchObject(object, (end) =>
          stream.report(end.kind === 'failed' ? judge(end.error) : 'alive'),
        );
      } catch (error) {
        pass.report(judge(error));
        throw error;
      }
    },
    async *list(prefix, callOptions): AsyncGenerator<ListedObject> {
      const pass = circuit.enter();
      try {
        yield* driver.list(prefix, callOptions);
      } catch (error) {
        pass.report(judge(error));
        throw error;
      } finally {
        pass.report('alive');
      }
    },
  };
}

/** How a call that was let through ended. */
type Outcome = 'alive' | 'dead' | 'unknown';

interface Pass {
  readonly probe: boolean;
  /** Only the first word counts. */
  report(outcome: Outcome): void;
}

/** These are about the caller or its bytes; the store need not have been asked. */
const SAYS_NOTHING: ReadonlySet<string> = new Set(['Cancelled', 'InvalidArgument', 'Internal']);

function judge(error: unknown): Outcome {
  if (!isOsproxyError(error) || SAYS_NOTHING.has(error.code)) return 'unknown';
  return error.code === 'Unavailable' && error.retryable ? 'dead' : 'alive';
}

/** A probe that has not ended after this time no longer keeps others from probing, in milliseconds. */
const PROBE_PATIENCE_MS = 5000;

class Circuit {
  readonly #options: Required<CircuitBreakerOptions>;
  /** Rises with every change of state; what calls from before it report is stale. */
  #epoch = 0;
  #failures = 0;
  #firstFailureAt = 0;
  #openUntil: number | undefined;
  #pauseMs = 0;
  #probingSince: number | undefined;

  constructor(options: CircuitBreakerOptions) {
    this.#options = {
      failures: 5,
      windowMs: 60_000,
      pauseMs: 1000,
      maxPauseMs: 30_000,
      onChange: () => {},
      ...options,
    };
  }

  /** Throws Unavailable while the circuit is open. */
  enter(): Pass {
    if (this.#openUntil === undefined) return this.#pass(false);
    const now = performance.now();
    const probing = this.#probingSince !== undefined && now - this.#probingSince < PROBE_PATIENCE_MS;
    if (now < this.#openUntil || probing) {
      throw new OsproxyError(
        'Unavailable',
        'The store has been failing and is left alone for a moment; try again.',
        {
          retryAfterSeconds: Math.max(1, Math.ceil((this.#openUntil - now) / 1000)),
        },
      );
    }
    this.#probingSince = now;
    return this.#pass(true);
  }

  #pass(probe: boolean): Pass {
    const epoch = this.#epoch;
    let reported = false;
    return {
      probe,
      report: (outcome) => {
        if (reported) return;
        reported = true;
        if (epoch === this.#epoch) this.#record(outcome, probe);
      },
    };
  }

  #record(outcome: Outcome, probe: boolean): void {
    if (outcome === 'unknown') {
      if (probe) this.#probingSince = undefined;
    } else if (outcome === 'alive') {
      this.#failures = 0;
      if (probe) this.#close();
    } else if (probe || this.#tooMany()) this.#open();
  }

  #tooMany(): boolean {
    const now = performance.now();
    if (this.#failures === 0 || now - this.#firstFailureAt > this.#options.windowMs) {
      this.#failures = 0;
      this.#firstFailureAt = now;
    }
    this.#failures += 1;
    return this.#failures >= this.#options.failures;
  }

  #open(): void {
    const { pauseMs, maxPauseMs } = this.#options;
    this.#pauseMs = this.#pauseMs === 0 ? pauseMs : Math.min(maxPauseMs, this.#pauseMs * 2);
    const wasOpen = this.#openUntil !== undefined;
    this.#openUntil = performance.now() + this.#pauseMs;
    this.#probingSince = undefined;
    this.#epoch += 1;
    if (!wasOpen) this.#options.onChange(true);
  }

  #close(): void {
    this.#pauseMs = 0;
    this.#openUntil = undefined;
    this.#probingSince = undefined;
    this.#failures = 0;
    this.#epoch += 1;
    this.#options.onChange(false);
  }
}

/** Remembers what the source itself threw, which may be the failure of another store. */
class WatchedSource implements ByteSource {
  readonly size: number | undefined;
  readonly replayable: boolean;
  readonly #source: ByteSource;
  #error: unknown;

  constructor(source: ByteSource) {
    this.size = source.size;
    this.replayable = source.replayable;
    this.#source = source;
  }

  async *open(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#source.open();
    } catch (error) {
      this.#error = error;
      throw error;
    }
  }

  threw(error: unknown): boolean {
    return error !== undefined && error === this.#error;
  }
}
