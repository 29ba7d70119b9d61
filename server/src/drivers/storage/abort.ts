import { OsproxyError } from '#core/errors.ts';

/** What a driver throws once the caller's signal has fired. */
export function cancelled(signal: AbortSignal): OsproxyError {
  return new OsproxyError('Cancelled', 'The operation was cancelled before it finished.', {
    cause: signal.reason,
  });
}

/** Throws Cancelled when the signal has fired already. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal);
}

/** Settles like the promise, or rejects with Cancelled as soon as the signal fires; the promise itself goes on. */
export function orCancelled<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
