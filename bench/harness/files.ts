import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { run } from './processes.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

/** Writes a file of random bytes and leaves it on the disk and in the system's memory. */
export async function makeSource(path: string, bytes: number): Promise<void> {
  const block = Buffer.allocUnsafe(16 * MIB);
  const file = openSync(path, 'w');
  try {
    for (let left = bytes; left > 0; left -= block.length) {
      randomFillSync(block);
      writeSync(file, block, 0, Math.min(left, block.length));
    }
  } finally {
    closeSync(file);
  }
  await settleDisk(path);
}

/** Makes the content one that nobody has stored before. */
export function freshen(path: string): void {
  const file = openSync(path, 'r+');
  try {
    writeSync(file, randomBytes(64), 0, 64, 0);
  } finally {
    closeSync(file);
  }
}

/** Base64 of the digests, as request headers declare them. */
export function digestHeaders(path: string): Record<string, string> {
  const hashes = { md5: createHash('md5'), sha256: createHash('sha256') };
  const block = Buffer.allocUnsafe(4 * MIB);
  const file = openSync(path, 'r');
  try {
    for (let got = readSync(file, block); got > 0; got = readSync(file, block)) {
      hashes.md5.update(block.subarray(0, got));
      hashes.sha256.update(block.subarray(0, got));
    }
  } finally {
    closeSync(file);
  }
  return {
    'content-md5': hashes.md5.digest('base64'),
    'content-digest': `sha-256=:${hashes.sha256.digest('base64')}:`,
  };
}

/** Waits until the file system has nothing left to write, so that nobody pays for what another left behind. */
export async function settleDisk(path: string): Promise<void> {
  await run('sync', ['-f', path]);
}

/**
 * Takes memory for the system's file cache and gives it back. A virtual machine whose free memory its host takes away writes several times
 * slower into memory it has to ask for again, whoever writes.
 */
export async function warmCache(path: string, bytes: number): Promise<void> {
  const blocks = Math.ceil((bytes * 1.25) / MIB);
  await run('dd', ['if=/dev/zero', `of=${path}`, 'bs=1M', `count=${blocks}`, 'status=none']);
  await unlink(path);
}

/** Drops a file that is on the disk from the system's memory. */
export async function evict(path: string): Promise<void> {
  await run('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
}

/** Seconds to hash as many bytes with MD5 on this thread and nothing else. */
export function secondsOfMd5(bytes: number): number {
  const block = randomBytes(4 * MIB);
  const hash = createHash('md5');
  const start = performance.now();
  for (let left = bytes; left > 0; left -= block.length)
    hash.update(block.subarray(0, Math.min(left, block.length)));
  hash.digest();
  return (performance.now() - start) / 1000;
}
