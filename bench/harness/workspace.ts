import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary folder on one disk for everything a benchmark writes. */
export interface Workspace {
  readonly path: string;
  /** A new folder inside. */
  folder(name: string): string;
  file(name: string): string;
  remove(): void;
}

/** Throws where the disk of the temp folder has less free space than asked for. */
export function openWorkspace(neededBytes: number): Workspace {
  const base = tmpdir();
  const disk = statfsSync(base);
  const free = disk.bavail * disk.bsize;
  if (free < neededBytes) {
    const [have, need] = [free, neededBytes].map((bytes) => (bytes / 2 ** 30).toFixed(1));
    throw new Error(`${base} has ${have} GiB free and ${need} GiB are needed; set TMPDIR to a larger disk.`);
  }
  const path = mkdtempSync(join(base, 'osproxy-perf-'));
  return {
    path,
    folder: (name) => {
      const folder = join(path, name);
      mkdirSync(folder, { recursive: true });
      return folder;
    },
    file: (name) => join(path, name),
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}
