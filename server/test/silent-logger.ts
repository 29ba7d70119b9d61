import type { Logger } from '#core/ports/logger.ts';

/** For parts whose log a test does not look at. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
