import { randomBytes } from 'node:crypto';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfCancelled } from '../abort.ts';
import { systemCode, translate } from './errors.ts';
import { statPath, unlinkPath } from './system-calls.ts';

/** Names, forgets and sweeps the files that puts write before they get their key. */
export class TempFiles {
  readonly #folder: string;
  readonly #run = `${process.pid}-${randomBytes(8).toString('hex')}`;
  readonly #live = new Set<string>();
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A path nobody else uses; sweep leaves it alone until it is released. */
  claim(): string {
    this.#count += 1;
    const name = `${this.#run}-${this.#count}`;
    this.#live.add(name);
    return join(this.#folder, name);
  }

  release(path: string): void {
    this.#live.delete(path.slice(this.#folder.length + 1));
  }

  /** Removes files last written before `olderThan`, except those of puts under way in this process; returns how many. */
  async sweep(olderThan: Date, signal: AbortSignal | undefined): Promise<number> {
    throwIfCancelled(signal);
    let removed = 0;
    try {
      for await (const entry of await opendir(this.#folder)) {
        throwIfCancelled(signal);
        if (!entry.isFile() || this.#live.has(entry.name)) continue;
        if (await removeIfOlder(join(this.#folder, entry.name), olderThan)) removed += 1;
      }
    } catch (error) {
      throw translate(error);
    }
    return removed;
  }
}

async function removeIfOlder(path: string, olderThan: Date): Promise<boolean> {
  try {
    if ((await statPath(path)).mtimeMs >= olderThan.getTime()) return false;
    await unlinkPath(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
