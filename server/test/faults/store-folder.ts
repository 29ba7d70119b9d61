import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MARK_KEY } from '#core/store-marks.ts';
import { API_KEY } from '../e2e/service.ts';
import { rowsInFile } from './rows.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Keys of the contents in the default store, sorted; the mark of the store is not one. */
export async function objectKeys(dataDir: string, files = join(dataDir, 'files')): Promise<string[]> {
  const folder = join(files, 'objects');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile());
  const keys = found.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return keys.filter((key) => key !== MARK_KEY).sort();
}

export function tempFiles(dataDir: string, files = join(dataDir, 'files')): Promise<string[]> {
  return readdir(join(files, 'tmp'));
}

/** The keys of the bytes that a readable file or an open upload names. */
export const NAMED_KEYS = `select distinct p.key from placements p join (
  select mp.blob_id from manifest_parts mp join files f on f.manifest_id = mp.manifest_id where f.state = 'ready'
  union select up.blob_id from upload_parts up join uploads u on u.uid = up.upload_uid where u.state = 'open'
) named on named.blob_id = p.blob_id`;

/** Keys of the bytes that a readable file or an open upload names, sorted; read from the database behind the service's back. */
export function namedKeys(dataDir: string): string[] {
  return query(dataDir, NAMED_KEYS)
    .map((row) => String(row.key))
    .sort();
}

export function query(
  dataDir: string,
  sql: string,
  ...values: readonly (string | number | bigint)[]
): Record<string, unknown>[] {
  return rowsInFile(join(dataDir, 'osproxy.db'), sql, ...values);
}

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

/** Runs `osproxy <words>` to its end. */
export function osproxy(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...words],
      { cwd, env: { PATH: process.env.PATH, ...env }, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
      (_error, out, errors) => resolve({ code: child.exitCode, out, errors }),
    );
  });
}

/** `fsck` of a data folder; `graceSeconds` is the age from which bytes without a name count. */
export function fsck(
  dataDir: string,
  graceSeconds: number,
  words: readonly string[] = [],
  place: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const env = {
    ...place,
    OSPROXY_DATA_DIR: dataDir,
    OSPROXY_API_KEY: API_KEY,
    OSPROXY_PURGE_GRACE_SECONDS: String(graceSeconds),
  };
  return osproxy(['fsck', ...words], env, dataDir);
}
