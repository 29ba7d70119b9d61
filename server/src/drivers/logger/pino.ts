import { pino } from 'pino';
import type { Logger } from '#core/ports/logger.ts';
import { LogFile, type LogFileOptions } from './log-file.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  readonly level: LogLevel;
  /** A file in addition to stdout. */
  readonly file?: LogFileOptions;
  /** Which process of the node writes; every line carries it. */
  readonly process?: number;
}

export interface ServiceLog {
  /** Implements the core's Logger and can be given to Fastify as `loggerInstance`. */
  readonly logger: pino.Logger & Logger;
  /** Writes whole lines that another process of this node has made. */
  relay(lines: string): void;
  /** Writes out what is buffered and closes the file; nothing may be logged afterwards. */
  close(): Promise<void>;
}

const BUFFER_BYTES = 4096;
const MOST_BUFFERED_BYTES = 16 * 1024 * 1024;
const FLUSH_EVERY_MS = 100;
const END_WITHIN_MS = 5_000;

/**
 * JSON lines on stdout, buffered for at most 100 ms, and in the file where one is set. Throws InvalidArgument when the file cannot be
 * written at the start; later failures of stdout or the file are told once on stderr and never reach the caller.
 */
export function createLog(options: LogOptions, warn: (sentence: string) => void = warnOnStderr): ServiceLog {
  const file = options.file === undefined ? undefined : new LogFile(options.file, warn);
  const stdout = openStdout(warn);
  const write = (lines: string): void => {
    stdout.write(lines);
    file?.write(lines);
  };
  const logger = pino(
    {
      level: options.level,
      base: options.process === undefined ? null : { process: options.process },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  return {
    logger,
    relay: write,
    async close() {
      await stdout.close();
      await file?.close();
    },
  };
}

function openStdout(warn: (sentence: string) => void) {
  const destination = pino.destination({
    fd: 1,
    sync: false,
    minLength: BUFFER_BYTES,
    maxLength: MOST_BUFFERED_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
  });
  let broken = false;
  const fail = (error: Error) => {
    if (!broken) warn(`The log cannot be written to stdout (${error.message}); lines are missing from it.`);
    broken = true;
  };
  destination.on('error', fail);
  const flushNow = () => {
    try {
      destination.flushSync();
    } catch {
      // A closed or full stdout at the very end: nobody is left to tell.
    }
  };
  process.on('exit', flushNow);
  return {
    write(line: string) {
      if (!broken) destination.write(line);
    },
    async close() {
      if (!broken) {
        await new Promise<void>((resolve) => {
          const giveUp = setTimeout(resolve, END_WITHIN_MS);
          const done = () => {
            clearTimeout(giveUp);
            resolve();
          };
          destination.once('error', done);
          destination.flush(done);
        });
      }
      process.off('exit', flushNow);
    },
  };
}

function warnOnStderr(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
