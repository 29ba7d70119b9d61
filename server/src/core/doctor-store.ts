import { randomBytes } from 'node:crypto';
import { type Diagnosis, diagnose } from './doctor-diagnosis.ts';
import { isOsproxyError } from './errors.ts';
import type { ByteSource, StorageDriver } from './ports/storage-driver.ts';
import type { StorageKeys } from './storage-keys.ts';

const PROBE_BYTES = 100_000;
/** Large enough for every store to copy it inside, where it joins. */
const JOINED_PROBE_BYTES = 6 * 1024 * 1024;
const MAX_SKEW_SECONDS = 60;

interface Probe {
  readonly name: string;
  readonly driver: StorageDriver;
  readonly keys: StorageKeys;
  readonly key: string;
  readonly bytes: Buffer;
}

/** One object is put, looked at in every way the service does, and deleted. Never rejects. */
export async function probeStore(
  name: string,
  driver: StorageDriver,
  keys: StorageKeys,
): Promise<Diagnosis[]> {
  const bytes = randomBytes(driver.compose === undefined ? PROBE_BYTES : JOINED_PROBE_BYTES);
  const probe: Probe = { name, driver, keys, key: keys.next(), bytes };
  const { row: put, refused } = await putting(probe);
  if (!put.ok) return refused ? refusedPut(probe, put) : [put];
  const rows = [put, ...(await looking(probe)), await reading(probe)];
  if (driver.compose !== undefined) rows.push(await joining(probe));
  rows.push(await listing(probe));
  if (driver.sweep !== undefined) rows.push(await sweeping(probe));
  return [...rows, await deleting(probe)];
}

/** A key that may list is a good one that lacks a right; about any other the failed put has said it all. */
async function refusedPut(probe: Probe, put: Diagnosis): Promise<Diagnosis[]> {
  const list = await diagnose({
    check: at(probe, 'list'),
    fix: '',
    work: async () => {
      for await (const _object of probe.driver.list()) break;
      return 'may list';
    },
  });
  return list.ok
    ? [{ ...put, fix: 'Give its key the right to write objects; it can list them.' }, list]
    : [put];
}

async function putting({ name, driver, key, bytes }: Probe): Promise<{ row: Diagnosis; refused: boolean }> {
  let refused = false;
  const row = await diagnose({
    check: at({ name }, 'put'),
    fix: 'Check its settings, the right to write and the free space.',
    work: async () => {
      const started = performance.now();
      await driver.put(key, sourceOf(bytes)).catch((error: unknown) => {
        refused = isOsproxyError(error, 'PermissionDenied');
        throw error;
      });
      return `${bytes.length} bytes durable in ${Math.round(performance.now() - started)} ms`;
    },
  });
  return { row, refused };
}

async function looking(probe: Probe): Promise<Diagnosis[]> {
  const { driver, key, bytes } = probe;
  let modifiedAt: Date | undefined;
  const askedAt = Date.now();
  const stat = await diagnose({
    check: at(probe, 'stat'),
    fix: 'The store lost or changed what was just put; do not use it.',
    refused: 'Give its key the right to read objects.',
    work: async () => {
      const found = await driver.stat(key);
      modifiedAt = found.modifiedAt;
      if (found.size === bytes.length) return 'right size';
      throw new Error(`reports ${found.size} bytes instead of ${bytes.length}`);
    },
  });
  const stored = modifiedAt?.getTime();
  if (stored === undefined) return [stat];
  const clock = await diagnose({
    check: at(probe, 'clock'),
    fix: '',
    work: async () => {
      const seconds = Math.round((stored - askedAt) / 1000);
      if (Math.abs(seconds) <= MAX_SKEW_SECONDS) return 'agrees with the clock of this machine';
      const how = seconds < 0 ? 'behind' : 'ahead of';
      throw new Error(
        `is ${Math.abs(seconds)} s ${how} the clock of this machine; synchronize both (NTP): links and grace times depend on it`,
      );
    },
  });
  return [stat, clock];
}

function reading(probe: Probe): Promise<Diagnosis> {
  const { driver, key, bytes } = probe;
  return diagnose({
    check: at(probe, 'range'),
    fix: 'The store does not answer range reads; the service cannot use it.',
    refused: 'Give its key the right to read objects.',
    work: async () => {
      const { chunks } = await driver.open(key, { offset: 5000, length: 50_000 });
      const read: Buffer[] = [];
      for await (const chunk of chunks) read.push(Buffer.from(chunk));
      if (!Buffer.concat(read).equals(bytes.subarray(5000, 55_000))) throw new Error('returned other bytes');
      return 'right bytes';
    },
  });
}

function joining(probe: Probe): Promise<Diagnosis> {
  const { driver, keys, key, bytes } = probe;
  return diagnose({
    check: at(probe, 'compose'),
    fix: 'Joining inside the store fails; contents of several parts would stay in parts.',
    refused: 'Give its key the right to read, write and copy objects in parts.',
    work: async () => {
      const joined = keys.next();
      try {
        const size = (await driver.compose?.(joined, [key, key]))?.size;
        if (size === 2 * bytes.length) return 'joins inside the store';
        throw new Error(`joined ${size} bytes instead of ${2 * bytes.length}`);
      } finally {
        // Where that fails, the check of delete says so.
        await driver.delete(joined).catch(() => {});
      }
    },
  });
}

function listing(probe: Probe): Promise<Diagnosis> {
  const { driver, key } = probe;
  return diagnose({
    check: at(probe, 'list'),
    fix: 'The store does not list what it has; purge and fsck need that.',
    refused: 'Give its key the right to list the bucket; purge and fsck need it.',
    work: async () => {
      for await (const object of driver.list(key)) if (object.key === key) return 'finds the object';
      throw new Error('does not find the object');
    },
  });
}

function sweeping(probe: Probe): Promise<Diagnosis> {
  return diagnose({
    check: at(probe, 'leftovers'),
    fix: 'What interrupted uploads leave behind cannot be found and would fill the store.',
    refused: 'Give its key the right to list multipart uploads and to abort them.',
    work: async () => {
      // Nothing is that old: it looks, and removes nothing.
      await probe.driver.sweep?.(new Date(0));
      return 'finds what interrupted uploads left';
    },
  });
}

function deleting(probe: Probe): Promise<Diagnosis> {
  const { driver, key } = probe;
  return diagnose({
    check: at(probe, 'delete'),
    fix: 'Check the right to delete; without it the store only grows.',
    refused: 'Give its key the right to delete objects. What this check has put stays until purge may.',
    work: async () => {
      await driver.delete(key);
      const left = await driver.stat(key).catch((error: unknown) => {
        if (isOsproxyError(error, 'NotFound')) return undefined;
        throw error;
      });
      if (left !== undefined) throw new Error('the object is still there');
      return 'gone';
    },
  });
}

function at({ name }: Pick<Probe, 'name'>, step: string): string {
  return `store "${name}" ${step}`;
}

function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.byteLength,
    replayable: true,
    open: async function* () {
      yield bytes;
    },
  };
}
