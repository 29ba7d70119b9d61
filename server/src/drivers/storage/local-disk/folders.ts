import { dirname } from 'node:path';
import { systemCode, translate, translateNaming } from './errors.ts';
import { FolderSync, type OpenFolder } from './folder-sync.ts';
import { closeFile, makeFolder, openFile, statTarget, syncFile } from './system-calls.ts';

/** More folders than this are forgotten and looked at again. */
const REMEMBERED_FOLDERS = 100_000;

/** Makes the folders under a base durable before anything is renamed into them, and remembers which are. */
export class Folders {
  readonly #base: string;
  readonly #sync: FolderSync;
  readonly #durable = new Set<string>();
  readonly #making = new Map<string, Promise<void>>();

  /** `base` exists and is durable. */
  constructor(base: string, open: (folder: string) => Promise<OpenFolder> = openFolder) {
    this.#base = base;
    this.#sync = new FolderSync(open);
  }

  /** Resolves when the folder and all above it exist and would survive a crash. Rejects with the port's errors. */
  async ensure(folder: string): Promise<void> {
    if (folder === this.#base || this.#durable.has(folder)) return;
    let making = this.#making.get(folder);
    if (making === undefined) {
      making = this.#make(folder).finally(() => this.#making.delete(folder));
      this.#making.set(folder, making);
    }
    await making;
  }

  /** Resolves when every entry that was in the folder before this call would survive a crash. */
  async sync(folder: string): Promise<void> {
    try {
      await this.#sync.sync(folder);
    } catch (error) {
      throw translateNaming(error);
    }
  }

  /** The folder was removed from outside: look again next time. */
  forget(folder: string): void {
    for (let path = folder; path !== this.#base && path.length > this.#base.length; path = dirname(path)) {
      this.#durable.delete(path);
    }
  }

  async #make(folder: string): Promise<void> {
    const parent = dirname(folder);
    await this.ensure(parent);
    try {
      await makeFolderOnce(folder);
    } catch (error) {
      throw translateNaming(error);
    }
    await this.sync(parent);
    if (this.#durable.size >= REMEMBERED_FOLDERS) this.#durable.clear();
    this.#durable.add(folder);
  }
}

/** Makes the folder and all above it that are missing, each durable in its parent. Rejects with the port's errors. */
export async function makeFolderTree(folder: string): Promise<void> {
  const missing: string[] = [];
  try {
    for (let path = folder; !(await isFolder(path)); path = dirname(path)) missing.push(path);
    for (const path of missing.reverse()) {
      await makeFolderOnce(path);
      const parent = await openFolder(dirname(path));
      await parent.sync().finally(() => parent.close());
    }
  } catch (error) {
    throw translate(error);
  }
}

async function openFolder(folder: string): Promise<OpenFolder> {
  const fd = await openFile(folder, 'r');
  return { sync: () => syncFile(fd), close: () => closeFile(fd) };
}

/** An existing folder is fine: it may have been made by a neighbour. A file in its place is EEXIST. */
async function makeFolderOnce(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST' || !(await isFolder(folder))) throw error;
  }
}

/** A link to a folder is one; a missing path is not. */
async function isFolder(path: string): Promise<boolean> {
  try {
    return (await statTarget(path)).isDirectory();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
