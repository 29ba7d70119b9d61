import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FILLER = '.filler';

/** A file system of its own, a few MiB large, in the temp folder. */
export class SmallDisk {
  readonly folder: string;
  readonly #options: string;
  #mounted = false;

  private constructor(folder: string, mebibytes: number) {
    this.folder = folder;
    this.#options = `size=${mebibytes}m`;
  }

  /** Mounting needs root; where that is missing the test is skipped with the reason, but fails with CI=true. */
  static mount(mebibytes: number, skip: (reason: string) => void): SmallDisk {
    const disk = new SmallDisk(mkdtempSync(join(tmpdir(), 'osproxy-disk-')), mebibytes);
    try {
      disk.mount();
    } catch (error) {
      rmSync(disk.folder, { recursive: true });
      if (process.env.CI === 'true') throw error;
      skip('a small file system of its own cannot be mounted here; run as root');
    }
    return disk;
  }

  mount(): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', this.#options, 'tmpfs', this.folder], { stdio: 'pipe' });
    this.#mounted = true;
  }

  /** Also while files are open: it is gone for everybody who opens something from now on. */
  unmount(): void {
    execFileSync('umount', ['-l', this.folder], { stdio: 'pipe' });
    this.#mounted = false;
  }

  remount(mode: 'ro' | 'rw'): void {
    execFileSync('mount', ['-o', `remount,${mode}`, this.folder], { stdio: 'pipe' });
  }

  /** Takes all space but `leave` bytes. */
  async fill(leave: number): Promise<void> {
    const path = join(this.folder, FILLER);
    const file = await open(path, 'w');
    let size = 0;
    try {
      for (const step of [256 * 1024, 4096]) {
        const block = Buffer.alloc(step, 1);
        try {
          for (;;) size += (await file.write(block, 0, step, size)).bytesWritten;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
      await file.truncate(Math.max(0, size - leave));
    } finally {
      await file.close();
    }
  }

  async free(): Promise<void> {
    await rm(join(this.folder, FILLER), { force: true });
  }

  close(): void {
    if (this.#mounted) this.unmount();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
