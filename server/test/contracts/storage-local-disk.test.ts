import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalDiskDriver } from '#drivers/storage/local-disk/local-disk-driver.ts';
import { storageContract } from './storage-contract.ts';
import type { StorageSubject } from './storage-subject.ts';

async function onDisk(readAheadBytes: number): Promise<StorageSubject> {
  const path = await mkdtemp(join(tmpdir(), 'osproxy-contract-'));
  return {
    driver: await LocalDiskDriver.start({ path, readAheadBytes }),
    leftovers: async () => (await readdir(join(path, 'tmp'))).length,
    cleanup: () => rm(path, { recursive: true }),
  };
}

storageContract('local-disk', () => onDisk(64 * 1024 * 1024));
storageContract('local-disk with a tight read-ahead', () => onDisk(300 * 1024));
