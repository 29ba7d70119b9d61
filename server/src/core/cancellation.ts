import { isOsproxyError, OsproxyError } from './errors.ts';

/** What the caller's signal says: its own OsproxyError, or Cancelled. */
function reasonOf(signal: AbortSignal): OsproxyError {
  if (isOsproxyError(signal.reason)) return signal.reason;
  return new OsproxyError('Cancelled', 'The operation was cancelled before it finished.', {
    cause: signal.reason,
  });
}

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw reasonOf(signal);
}

/** Settles like the promise, or rejects as soon as the signal fires; the promise itself goes on and may then fail unheard. */
export function orCancelled<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(reasonOf(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
