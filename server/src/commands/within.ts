import type { Logger } from '#core/ports/logger.ts';

/** A close that hangs must not keep a drained process alive. */
export async function within(ms: number, logger: Logger, close: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      logger.warn({ ms }, 'closing took too long; leaving the rest to the next start');
      resolve();
    }, ms);
  });
  try {
    await Promise.race([close(), late]);
  } finally {
    clearTimeout(timer);
  }
}
