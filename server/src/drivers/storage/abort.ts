import * as core from '#core/cancellation.ts';

/**
 * What a driver throws once the caller's signal has fired: always Cancelled. A reason of the caller's own, such as Unavailable when the
 * service stops, would look like a failure of the store to the wrappers.
 */
export const cancelled = core.cancelled;

/** Throws Cancelled when the signal has fired already. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  core.throwIfCancelled(signal, cancelled);
}

/** Settles like the promise, or rejects with Cancelled as soon as the signal fires; the promise itself goes on. */
export function orCancelled<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return core.orCancelled(promise, signal, cancelled);
}
