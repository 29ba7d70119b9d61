import { isOsproxyError, OsproxyError } from './errors.ts';

/** Cancelled, with what the signal says as its cause. */
export function cancelled(signal: AbortSignal): OsproxyError {
  return new OsproxyError('Cancelled', 'The operation was cancelled before it finished.', {
    cause: signal.reason,
  });
}

/** What the caller's signal says: its own OsproxyError, or Cancelled. */
function reasonOf(signal: AbortSignal): OsproxyError {
  return isOsproxyError(signal.reason) ? signal.reason : cancelled(signal);
}

export function throwIfCancelled(signal: AbortSignal | undefined, toError = reasonOf): void {
  if (signal?.aborted) throw toError(signal);
}

/** Settles like the promise, or rejects as soon as the signal fires; the promise itself goes on and may then fail unheard. */
export function orCancelled<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  toError = reasonOf,
): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(toError(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * A signal for one piece of work, which fires with the first of several others. AbortSignal.any leaves something on those that live long for
 * each signal made of them; this one leaves nothing once it is released.
 */
export class JoinedSignal {
  readonly #controller = new AbortController();
  readonly #sources: readonly AbortSignal[];
  readonly #follow = (event: Event): void => this.#controller.abort((event.target as AbortSignal).reason);

  constructor(...sources: readonly (AbortSignal | undefined)[]) {
    this.#sources = sources.filter((source) => source !== undefined);
    const fired = this.#sources.find(({ aborted }) => aborted);
    if (fired !== undefined) this.#controller.abort(fired.reason);
    else for (const source of this.#sources) source.addEventListener('abort', this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  /** From here on the others change nothing. */
  release(): void {
    for (const source of this.#sources) source.removeEventListener('abort', this.#follow);
  }
}

/** Resolves after `ms` or when the signal fires; does not keep the process alive. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms <= 0) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    resolve();
  };
  const timer = setTimeout(end, ms).unref();
  signal.addEventListener('abort', end, { once: true });
  return promise;
}
