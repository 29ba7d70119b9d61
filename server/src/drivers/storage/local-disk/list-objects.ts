import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ListedObject } from '#core/ports/storage-driver.ts';
import { throwIfCancelled } from '../abort.ts';
import { isKey, isKeyPrefix } from '../keys.ts';
import { systemCode, translate } from './errors.ts';
import { statPath } from './system-calls.ts';

/** So many entries are looked at together; memory holds no more of a folder than this. */
const ENTRIES_AT_ONCE = 64;

/** Walks the folder and gives every file whose path below it is a key that starts with the prefix. */
export async function* listObjects(
  base: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedObject> {
  throwIfCancelled(signal);
  if (!isKeyPrefix(prefix)) return;
  const cut = prefix.lastIndexOf('/') + 1;
  try {
    yield* walk(base, prefix.slice(0, cut), prefix.slice(cut), signal);
  } catch (error) {
    throw translate(error);
  }
}

/** `path` is empty or ends in "/"; only names that start with `start` count, at this level alone. */
async function* walk(
  base: string,
  path: string,
  start: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedObject> {
  for await (const entries of batches(join(base, path), start)) {
    throwIfCancelled(signal);
    const files = entries.filter((entry) => entry.isFile() && isKey(path + entry.name));
    for (const found of await Promise.all(files.map((entry) => look(base, path + entry.name)))) {
      if (found === undefined) continue;
      yield found;
      throwIfCancelled(signal);
    }
    for (const entry of entries) {
      if (entry.isDirectory() && isKey(path + entry.name))
        yield* walk(base, `${path}${entry.name}/`, '', signal);
    }
  }
}

async function* batches(folder: string, start: string): AsyncGenerator<Dirent[]> {
  const opened = await opendir(folder, { bufferSize: ENTRIES_AT_ONCE }).catch(absent);
  if (opened === undefined) return;
  let batch: Dirent[] = [];
  for await (const entry of opened) {
    if (!entry.name.startsWith(start)) continue;
    batch.push(entry);
    if (batch.length < ENTRIES_AT_ONCE) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

/** Undefined for an object that was deleted since its name was read. */
async function look(base: string, key: string): Promise<ListedObject | undefined> {
  const stats = await statPath(join(base, key)).catch(absent);
  return stats && { key, size: stats.size, modifiedAt: stats.mtime };
}

function absent(error: unknown): undefined {
  const code = systemCode(error);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}
