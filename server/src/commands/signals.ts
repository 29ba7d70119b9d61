const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** Ctrl-C reaches a process from the terminal and again from npm and the bootstrap; within this time they are one signal. */
const SAME_SIGNAL_MS = 500;

export interface StopRequest {
  /** Resolves with the name of the first signal. */
  readonly requested: Promise<string>;
  /** Gives the signals back to Node. */
  release(): void;
}

/** From now on the first SIGTERM, SIGINT or SIGHUP asks to stop, and a later one exits with code 1 at once. */
export function watchSignals(): StopRequest {
  const { promise, resolve } = Promise.withResolvers<string>();
  let firstAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      resolve(signal);
    } else if (now - firstAt > SAME_SIGNAL_MS) {
      process.exit(1);
    }
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    requested: promise,
    release() {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
