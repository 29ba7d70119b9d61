import { type Diagnosis, diagnose } from './doctor-diagnosis.ts';
import { probeStore } from './doctor-store.ts';
import type { Metadata } from './ports/metadata.ts';
import type { StorageKeys } from './storage-keys.ts';
import { whatIsSuspicious } from './store-marks.ts';
import type { Stores } from './stores.ts';

export interface DoctorOptions {
  readonly metadata: Metadata;
  readonly stores: Stores;
  readonly keys: StorageKeys;
  /** What else the service is told to use. */
  readonly others?: readonly OtherCheck[];
}

interface OtherCheck {
  readonly check: string;
  readonly fix: string;
  /** Resolves with what was found, rejects when it cannot be used. */
  run(): Promise<string>;
}

/** Tries what the service needs for real and says what does not work; what it stores it deletes again. */
export async function doctor(options: DoctorOptions): Promise<Diagnosis[]> {
  const rows = [await database(options.metadata)];
  for (const name of options.stores.names) {
    rows.push(...(await probeStore(name, options.stores.driver(name), options.keys)));
    const suspicion = await whatIsSuspicious(options, name).catch(() => undefined);
    if (suspicion === undefined) continue;
    const fix =
      'Mount the right folder or name the right bucket; see "A wrong folder or bucket" in docs/stores.md.';
    rows.push({ check: `store "${name}" mark`, ok: false, detail: suspicion, fix });
  }
  for (const { check, fix, run } of options.others ?? [])
    rows.push(await diagnose({ check, fix, work: run }));
  return rows;
}

function database(metadata: Metadata): Promise<Diagnosis> {
  return diagnose({
    check: 'database',
    fix: 'Check database.url, the free space, and the rights of its folder or whether its server runs.',
    work: async () => {
      await metadata.ping();
      const { applied, pending } = await metadata.schema();
      if (pending.length > 0)
        throw new Error(`${pending.length} migrations are pending; run "osproxy migrate"`);
      await metadata.transaction(async () => {});
      return `answers, ${applied.length} migrations applied, accepts writes`;
    },
  });
}
