/** Wall-clock time in milliseconds since the Unix epoch; may step back. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
