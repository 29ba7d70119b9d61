import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '#core/make-folder.ts';
import type { Config } from './config.ts';
import { ConfigError } from './config-error.ts';

const NODE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Makes the data folder (mode 0700) and proves that it can be written; throws a ConfigError that says why not. */
export function prepareDataDir(config: Config): void {
  const probe = join(config.dataDir, `.write-test-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    makeFolder(config.dataDir, 0o700);
    writeWhole(probe, 'ok');
  } catch (error) {
    throw unusable(config.dataDir, error);
  } finally {
    removeQuietly(probe);
  }
}

/** The configured node id, or the one kept in the data folder, which is made on the first call. Needs a prepared data folder. */
export function nodeIdOf(config: Config): string {
  if (config.nodeId !== undefined) return config.nodeId;
  return keepOnce(config, join(config.dataDir, 'node-id'), 'node id', NODE_ID, () => {
    const host = hostname().replace(/[^A-Za-z0-9-]/g, '-');
    return `${host.replace(/^-+/, '').slice(0, 40) || 'node'}-${randomBytes(4).toString('hex')}`;
  });
}

/**
 * The one-line value in the file, which is made with `make` (mode 0600) when it is missing. Processes that start at once agree: the file
 * appears whole, and only for the first. Throws a ConfigError for a file that cannot be read or written, or does not match `pattern`.
 */
export function keepOnce(
  config: Config,
  path: string,
  what: string,
  pattern: RegExp,
  make: () => string,
): string {
  const kept = readKept(path, what, pattern);
  if (kept !== undefined) return kept;
  const value = make();
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    writeWhole(temporary, `${value}\n`);
    linkSync(temporary, path);
    return value;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readKept(path, what, pattern) ?? value;
    throw unusable(config.dataDir, error);
  } finally {
    removeQuietly(temporary);
  }
}

/** The one-line value in the file, undefined where there is none. The value itself is never shown: it may be a secret. */
export function readKept(path: string, what: string, pattern: RegExp): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    throw new ConfigError([`The ${what} file ${path} cannot be read (${code}).`], error);
  }
  if (pattern.test(text)) return text;
  throw new ConfigError([
    `The ${what} file ${path} does not hold a ${what}; restore the file, or remove it to have a new one made.`,
  ]);
}

function writeWhole(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function unusable(folder: string, error: unknown): ConfigError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
  const reasons: Record<string, string> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'it is on a read-only file system',
    ENOSPC: 'the disk is full',
    EEXIST: 'it is not a folder',
    ENOTDIR: 'a part of its path is not a folder',
    ENOENT: 'it cannot be made there',
  };
  return new ConfigError(
    [
      `The data folder ${folder} (setting dataDir, OSPROXY_DATA_DIR) cannot be written: ${reasons[code] ?? code}.`,
    ],
    error,
  );
}

/** A leftover that cannot be removed must not hide why the write before it failed. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The failure of the write has been told already.
  }
}
