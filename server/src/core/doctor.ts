import { randomBytes } from 'node:crypto';
import { isOsproxyError, toOsproxyError } from './errors.ts';
import type { Metadata } from './ports/metadata.ts';
import type { ByteSource, StorageDriver } from './ports/storage-driver.ts';
import type { StorageKeys } from './storage-keys.ts';
import { whatIsSuspicious } from './store-marks.ts';
import type { Stores } from './stores.ts';

export interface Diagnosis {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do about it; '' when it is fine. */
  readonly fix: string;
}

export interface DoctorOptions {
  readonly metadata: Metadata;
  readonly stores: Stores;
  readonly keys: StorageKeys;
}

const PROBE_BYTES = 100_000;

/** Tries what the service needs for real and says what does not work; what it stores it deletes again. */
export async function doctor(options: DoctorOptions): Promise<Diagnosis[]> {
  const rows = [await database(options.metadata)];
  for (const name of options.stores.names) {
    rows.push(...(await store(name, options.stores.driver(name), options.keys)));
    const suspicion = await whatIsSuspicious(options, name).catch(() => undefined);
    if (suspicion === undefined) continue;
    const fix =
      'Mount the right folder or name the right bucket; see "A wrong folder or bucket" in docs/stores.md.';
    rows.push({ check: `store "${name}" mark`, ok: false, detail: suspicion, fix });
  }
  return rows;
}

async function database(metadata: Metadata): Promise<Diagnosis> {
  return diagnose(
    'database',
    'Check database.url, the free space, and the rights of its folder or whether its server runs.',
    async () => {
      await metadata.ping();
      const { applied, pending } = await metadata.schema();
      if (pending.length > 0)
        throw new Error(`${pending.length} migrations are pending; run "osproxy migrate"`);
      await metadata.transaction(async () => {});
      return `answers, ${applied.length} migrations applied, accepts writes`;
    },
  );
}

async function store(name: string, driver: StorageDriver, keys: StorageKeys): Promise<Diagnosis[]> {
  const key = keys.next();
  const bytes = randomBytes(PROBE_BYTES);
  const at = (step: string) => `store "${name}" ${step}`;
  const rows: Diagnosis[] = [];
  const step = async (what: string, fix: string, work: () => Promise<string>) => {
    rows.push(await diagnose(at(what), fix, work));
  };
  await step('put', 'Check its settings, the right to write and the free space.', async () => {
    const started = performance.now();
    await driver.put(key, sourceOf(bytes));
    return `${PROBE_BYTES} bytes durable in ${Math.round(performance.now() - started)} ms`;
  });
  // The other checks need the object; without it they would only say the same again.
  if (rows.some((row) => !row.ok)) return rows;
  await step('stat', 'The store lost or changed what was just put.', async () => {
    const { size, modifiedAt } = await driver.stat(key);
    if (size !== PROBE_BYTES) throw new Error(`reports ${size} bytes instead of ${PROBE_BYTES}`);
    const skew = Math.round((modifiedAt.getTime() - Date.now()) / 1000);
    if (Math.abs(skew) > 60) throw new Error(`its clock is off by ${skew} s; synchronize the clocks`);
    return 'size and clock are right';
  });
  await step('range', 'The store does not answer range reads; the service cannot use it.', async () => {
    const { chunks } = await driver.open(key, { offset: 5000, length: 50_000 });
    const read: Buffer[] = [];
    for await (const chunk of chunks) read.push(Buffer.from(chunk));
    if (!Buffer.concat(read).equals(bytes.subarray(5000, 55_000))) throw new Error('returned other bytes');
    return 'right bytes';
  });
  if (driver.compose !== undefined) {
    const joined = keys.next();
    await step('compose', 'Joining inside the store fails.', async () => {
      const { size } = await Promise.resolve(driver.compose?.(joined, [key, key]) ?? { size: 0 }).finally(
        () => driver.delete(joined),
      );
      if (size !== 2 * PROBE_BYTES) throw new Error(`joined ${size} bytes instead of ${2 * PROBE_BYTES}`);
      return 'joins inside the store';
    });
  }
  await step('list', 'The store does not list what it has; purge and fsck need that.', async () => {
    for await (const object of driver.list(key)) if (object.key === key) return 'finds the object';
    throw new Error('does not find the object');
  });
  await step('delete', 'Check the right to delete.', async () => {
    await driver.delete(key);
    const left = await driver.stat(key).catch((error: unknown) => {
      if (isOsproxyError(error, 'NotFound')) return undefined;
      throw error;
    });
    if (left !== undefined) throw new Error('the object is still there');
    return 'gone';
  });
  return rows;
}

async function diagnose(check: string, fix: string, work: () => Promise<string>): Promise<Diagnosis> {
  try {
    return { check, ok: true, detail: await work(), fix: '' };
  } catch (error) {
    const failure = isOsproxyError(error) ? error : error instanceof Error ? error : toOsproxyError(error);
    const cause = failure.cause instanceof Error ? ` (${failure.cause.message})` : '';
    return { check, ok: false, detail: `${failure.message}${cause}`, fix };
  }
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
