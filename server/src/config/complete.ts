import { availableParallelism, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Config, LogFileConfig, StoreConfig } from './config.ts';
import type { Draft } from './draft.ts';
import type { Settings } from './schema.ts';
import { SETTINGS } from './settings.ts';

const MOST_HASHING_THREADS = 4;
const MOST_AUTOMATIC_WORKERS = 16;
const BYTES_PER_WORKER = 512 * 1024 * 1024;

/** Fills in every default, makes paths absolute (relative to `cwd`) and freezes the result. The draft must have no problems. */
export function complete(draft: Draft, cwd: string): Config {
  const settings = assemble(draft);
  const dataDir = resolve(cwd, settings.dataDir);
  const { file: storesFile } = draft.values.get('stores') ?? {};
  const folder = storesFile === undefined ? cwd : dirname(storesFile);
  const stores: StoreConfig[] = (
    (settings.stores as StoreConfig[] | undefined) ?? [
      { name: 'local', type: 'local-disk', path: resolve(dataDir, 'files') },
    ]
  ).map((store) => located(store, cwd, folder));
  const { file, level } = settings.log;
  const workers = settings.workers === 'auto' ? automaticWorkers() : settings.workers;
  return deepFreeze({
    ...settings,
    workers,
    dataDir,
    database: { ...settings.database, url: databaseUrl(settings.database.url, cwd, dataDir) },
    stores,
    tasks: { ...settings.tasks, handlers: handlersOf(draft, settings, cwd) },
    defaultStore: settings.defaultStore ?? stores[0]?.name ?? '',
    log:
      file?.path === undefined
        ? { level }
        : { level, file: { ...file, path: resolve(cwd, file.path) } as LogFileConfig },
    hashing: { threads: settings.hashing.threads ?? hashingThreads(workers) },
  }) as Config;
}

/** A module lies beside the configuration that names it. */
function handlersOf(draft: Draft, { tasks }: Settings, cwd: string): readonly string[] {
  const { file } = draft.values.get('tasks.handlers') ?? {};
  const folder = file === undefined ? cwd : dirname(file);
  return tasks.handlers.map((path) => resolve(folder, path));
}

/** The path of a database file is made absolute; the address of a server stays as it is. */
function databaseUrl(url: string | undefined, cwd: string, dataDir: string): string {
  if (url === undefined) return `sqlite:${resolve(dataDir, 'osproxy.db')}`;
  return url.startsWith('sqlite:') ? `sqlite:${resolve(cwd, url.slice('sqlite:'.length))}` : url;
}

/** What the processor and the memory of this machine, or of its container, carry. */
function automaticWorkers(): number {
  const limit = process.constrainedMemory();
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.max(
    1,
    Math.min(availableParallelism(), MOST_AUTOMATIC_WORKERS, Math.floor(memory / BYTES_PER_WORKER)),
  );
}

function hashingThreads(workers: number): number {
  return Math.max(1, Math.min(Math.ceil(availableParallelism() / workers), MOST_HASHING_THREADS));
}

/** A module lies beside the configuration that names it; a folder of files is relative to where the service runs. */
function located(store: StoreConfig, cwd: string, folder: string): StoreConfig {
  if (isModulePath(store.type)) return { ...store, type: resolve(folder, store.type) };
  if (store.type !== 'local-disk' || typeof store.path !== 'string') return store;
  return { ...store, path: resolve(cwd, store.path) };
}

function isModulePath(type: string): boolean {
  return /^\.{0,2}\//.test(type);
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
