import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Config, LogFileConfig, StoreConfig } from './config.ts';
import type { Draft } from './draft.ts';
import type { Settings } from './schema.ts';
import { SETTINGS } from './settings.ts';

const MOST_HASHING_THREADS = 4;

/** Fills in every default, makes paths absolute (relative to `cwd`) and freezes the result. The draft must have no problems. */
export function complete(draft: Draft, cwd: string): Config {
  const settings = assemble(draft);
  const dataDir = resolve(cwd, settings.dataDir);
  const stores: StoreConfig[] = (
    settings.stores ?? [{ name: 'local', type: 'local-disk' as const, path: resolve(dataDir, 'files') }]
  ).map((store) =>
    store.type === 'memory'
      ? { name: store.name, type: store.type }
      : { name: store.name, type: store.type, path: resolve(cwd, store.path ?? '') },
  );
  const { file, level } = settings.log;
  return deepFreeze({
    ...settings,
    dataDir,
    database: {
      url: `sqlite:${resolve(cwd, (settings.database.url ?? `sqlite:${resolve(dataDir, 'osproxy.db')}`).slice('sqlite:'.length))}`,
    },
    stores,
    defaultStore: settings.defaultStore ?? stores[0]?.name ?? '',
    log:
      file?.path === undefined
        ? { level }
        : { level, file: { ...file, path: resolve(cwd, file.path) } as LogFileConfig },
    hashing: { threads: settings.hashing.threads ?? Math.min(availableParallelism(), MOST_HASHING_THREADS) },
  }) as Config;
}

function assemble(draft: Draft): Settings {
  const root: Record<string, unknown> = {};
  for (const setting of SETTINGS) {
    const value = draft.values.get(setting.name)?.value ?? structuredClone(setting.schema.default);
    let node = root;
    for (const key of setting.path.slice(0, -1)) {
      node[key] ??= {};
      node = node[key] as Record<string, unknown>;
    }
    if (value !== undefined) node[setting.path.at(-1) ?? ''] = value;
  }
  return root as Settings;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}
