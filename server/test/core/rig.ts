import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditLog } from '#core/audit/audit-log.ts';
import type { Holders } from '#core/contents.ts';
import { Downloads } from '#core/downloads.ts';
import { announced } from '#core/events/announced-metadata.ts';
import { FileRecords } from '#core/file-records.ts';
import { Files } from '#core/files.ts';
import { type Finding, type FsckOptions, type FsckSummary, fsck } from '#core/fsck.ts';
import { HashWorkers } from '#core/hashing/hash-workers.ts';
import { Holds } from '#core/holds.ts';
import { Ingest } from '#core/ingest.ts';
import { InstantUpload } from '#core/instant-upload.ts';
import { MediaBoard } from '#core/media/media-board.ts';
import type { Placement } from '#core/model/blob.ts';
import type { ServicePrincipal } from '#core/model/principal.ts';
import { Moves } from '#core/moves.ts';
import { PlacementPolicy, type PlacementRule, type StoreLimits } from '#core/placement.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import type { ByteSource, StorageDriver } from '#core/ports/storage-driver.ts';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { ScrubBoard } from '#core/scrub/scrub-board.ts';
import { Snowflakes } from '#core/snowflake.ts';
import { StorageKeys } from '#core/storage-keys.ts';
import { StoreUsages } from '#core/store-usage.ts';
import { Stores } from '#core/stores.ts';
import { TaskBoard } from '#core/task-board.ts';
import { type TaskDependencies, taskTypes } from '#core/tasks/index.ts';
import { TaskRunner } from '#core/tasks/runner.ts';
import { SCRUB, scrubTypeOf } from '#core/tasks/scrub.ts';
import type { TaskContext, TaskType } from '#core/tasks/task-type.ts';
import { Triggers } from '#core/tasks/triggers.ts';
import { Uploads } from '#core/uploads.ts';
import { MemoryCache } from '#drivers/cache/memory.ts';
import { fileTypeContentTyper } from '#drivers/content-type/file-type.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { LocalDiskDriver } from '#drivers/storage/local-disk/local-disk-driver.ts';
import { MemoryDriver } from '#drivers/storage/memory/memory-driver.ts';
import { testMedia } from './media-parts.ts';

export const HOUR_MS = 3_600_000;
export const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
export const owner: ServicePrincipal = {
  kind: 'service',
  keyId: 'k',
  owner: 'a',
  scopes: new Set(['read', 'write']),
};

/** The real time, moved by hand. */
export class MovableClock {
  offset = 0;
  now(): number {
    return Date.now() + this.offset;
  }
}

export interface RigOptions {
  readonly disk?: boolean;
  readonly md5?: 'always' | 'declared';
  readonly graceMs?: number;
  readonly scope?: 'owner' | 'installation';
  /** What core sees of the store "main". */
  readonly wrap?: (driver: StorageDriver) => StorageDriver;
  readonly wrapMetadata?: (metadata: Metadata) => Metadata;
  readonly cacheMs?: number;
  /** Names of the configured event sinks; events are kept for a day. */
  readonly sinks?: readonly string[];
  /** What core sees of the store "other". */
  readonly wrapOther?: (driver: StorageDriver) => StorageDriver;
  readonly rules?: readonly PlacementRule[];
  /** Default: contents are looked at only on demand. */
  readonly media?: { readonly probes?: boolean; readonly eager?: boolean };
  /** Both stores are read again, once an hour, with this limit; without it nothing is. */
  readonly scrubBytesPerSecond?: number;
  readonly limits?: Readonly<Record<string, StoreLimits>>;
  /** Task types beside the built-in ones; their triggers are heard. */
  readonly types?: (parts: TypeParts) => readonly TaskType[];
}

type FsckWanted = Partial<Pick<FsckOptions, 'repair' | 'deep' | 'force' | 'graceMs' | 'ids'>>;

/** What a task type is made of. */
export type TypeParts = Pick<TaskDependencies, 'metadata' | 'records' | 'clock' | 'downloads'>;

export type Rig = Awaited<ReturnType<typeof openRig>>;

/** Core on a real SQLite database in a temp folder, with the store "main" and an empty second one, "other". */
export async function openRig(options: RigOptions = {}) {
  const { graceMs = HOUR_MS } = options;
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-core-'));
  const plain = await openMetadata(`sqlite:${join(folder, 'db')}`, { logger: quiet });
  await plain.migrate();
  const seen = options.wrapMetadata?.(plain) ?? plain;
  const metadata =
    options.types === undefined && options.media === undefined
      ? seen
      : announced(seen, {
          within: (event, at, repositories) => triggers.follow(event, at, repositories),
          after: () => {},
          enqueued: (tasks) => runner?.enqueued(tasks),
        });
  const store = options.disk
    ? await LocalDiskDriver.start({ path: join(folder, 'objects') })
    : new MemoryDriver();
  const main = options.wrap?.(store) ?? store;
  const other = new MemoryDriver();
  const drivers = new Map<string, StorageDriver>([
    ['main', main],
    ['other', options.wrapOther?.(other) ?? other],
  ]);
  const stores = new Stores(drivers, 'main', 'n1');
  const clock = new MovableClock();
  const ids = new Snowflakes(clock);
  ids.reserve({ worker: 1, floor: 0, reservedUntil: Number.MAX_SAFE_INTEGER });
  const coordinator = new DatabaseCoordinator({ metadata, clock, logger: quiet });
  const cache = new MemoryCache({ maxEntries: 100 });
  const records = new FileRecords({ metadata, cache, coordinator, ttlMs: options.cacheMs ?? 0 });
  const workers = new HashWorkers(2);
  const downloads = new Downloads(stores, metadata);
  let runner: TaskRunner | undefined;
  const md5 = options.md5 ?? 'always';
  const keys = new StorageKeys();
  const typer = fileTypeContentTyper;
  const policy = new PlacementPolicy({
    rules: options.rules ?? [],
    defaultStore: 'main',
    limits: new Map(Object.entries(options.limits ?? {})),
    stores: ['main', 'other'],
  });
  const settings = {
    partSize: 8 << 20,
    expireMs: HOUR_MS,
    maxFileSize: 1e9,
    maxPartSize: 1e9,
    taskAttempts: 3,
  };
  const made = { metadata, stores, clock, ids, records, workers, downloads, md5, keys, typer };
  const holders: Holders = { holding: (ready) => triggers.holding(ready) };
  const wakeTasks = () => runner?.wake();
  const audit = new AuditLog({ metadata, clock, logger: quiet });
  const base = { ...made, policy, settings, holders, telemetry: silentTelemetry, wakeTasks, audit };
  const ingest = new Ingest(base);
  const uploads = new Uploads({
    ...base,
    ingest,
  });
  const media = testMedia({ ...base, ingest }, options.media);
  const builtIn = taskTypes({
    media,
    ...base,
    purgeEveryMs: HOUR_MS,
    expireEveryMs: HOUR_MS,
    graceMs,
    events: { sinks: options.sinks ?? [], retentionMs: 24 * HOUR_MS },
    transferBytesPerSecond: undefined,
    scrub:
      options.scrubBytesPerSecond === undefined
        ? undefined
        : {
            ...{ periodMs: HOUR_MS, bytesPerSecond: options.scrubBytesPerSecond, nodeId: 'n1' },
            stores: ['main', 'other'],
          },
    historyMs: 168 * HOUR_MS,
    auditMs: 24 * HOUR_MS,
  });
  const types = [...builtIn, ...(options.types?.(base) ?? [])];
  const triggers: Triggers = new Triggers(types, { ids, taskAttempts: settings.taskAttempts });
  const close = async () => {
    await media.close();
    await runner?.stop();
    records.close();
    await coordinator.close();
    await stores.close();
    await workers.close();
    await plain.close();
    await rm(folder, { recursive: true, force: true });
  };
  const startRunner = async (more: Partial<ConstructorParameters<typeof TaskRunner>[0]> = {}) => {
    const leaseMs = 5000;
    const own = {
      ...base,
      types,
      node: 'n1',
      logger: quiet,
      concurrency: 2,
      leaseMs,
    };
    const started = new TaskRunner({ ...own, ...more });
    runner ??= started;
    await started.start();
    return started;
  };
  /** Runs one type's handler once, outside the runner. */
  const runTask = async (name: string, payload: unknown, more: Partial<TaskContext> = {}) => {
    const type = types.find((one) => one.type === name);
    if (type === undefined) throw new Error(`no task type ${name}`);
    const { signal } = new AbortController();
    const commit = metadata.transaction.bind(metadata);
    const own = { task: { attempts: 1, maxAttempts: 8 }, signal, logger: quiet, commit, progress: () => {} };
    const context = { ...own, ...more };
    if ((await type.precheck?.(payload, context as TaskContext)) === false) return 'nothing to do';
    return type.handle(payload, context as TaskContext);
  };
  return {
    ...base,
    folder,
    plain,
    store,
    main,
    other,
    ingest,
    uploads,
    types,
    files: new Files(base),
    holds: new Holds(base),
    moves: new Moves(base),
    media,
    mediaBoard: new MediaBoard(base),
    tasks: new TaskBoard({ ...base, types }),
    scrub: new ScrubBoard({
      ...base,
      isOn: true,
      typeOf: (node) => (node === undefined ? SCRUB : scrubTypeOf(node)),
    }),
    usages: new StoreUsages(metadata),
    instant: new InstantUpload({ ...base, scope: options.scope ?? 'owner' }),
    startRunner,
    runTask,
    purge: () => runTask('purge', {}),
    close,
    keysIn: (driver: StorageDriver = store) => keysOf(driver),
    /** Every live blob. */
    blobs: () => metadata.blobs.scan(undefined, 1000),
    read: async (uid: string) =>
      readAll((await downloads.read(await files(uid), undefined, undefined)).chunks),
    fsck: async (how: FsckWanted = {}) => {
      const findings: Finding[] = [];
      const wanted = { repair: false, deep: false, force: false, graceMs, ...how };
      const summary: FsckSummary = await fsck({
        metadata,
        stores,
        workers,
        clock,
        ids,
        settings,
        ...wanted,
        report: (finding) => findings.push(finding),
      });
      return { findings, summary };
    },
  };

  async function files(uid: string) {
    const content = await metadata.files.content(uid);
    if (content === undefined) throw new Error(`there is no file ${uid}`);
    return content;
  }
}

async function keysOf(driver: StorageDriver): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of driver.list()) keys.push(key);
  return keys;
}

export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const chunk of chunks) read.push(Buffer.from(chunk));
  return Buffer.concat(read);
}

export async function* chunksOf(bytes: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

export function sourceOf(bytes: Uint8Array): ByteSource {
  return { size: bytes.byteLength, replayable: true, open: () => chunksOf(bytes) };
}

export const some = (size: number): Buffer => randomBytes(size);
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
export const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/** A driver, or anything else, with some of its members replaced. */
export function changed<T extends object>(base: T, members: Partial<T>): T {
  return new Proxy(base, {
    get: (target, name) => {
      const own = Reflect.get(members, name) as unknown;
      if (own !== undefined) return own;
      const member = Reflect.get(target, name, target) as unknown;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** Deletes the bytes behind a placement without telling the database. */
export async function lose(rig: Rig, { key }: Placement): Promise<void> {
  await rig.store.delete(key);
}
