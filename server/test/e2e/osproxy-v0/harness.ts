import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditLog } from '#core/audit/audit-log.ts';
import { COMMAND } from '#core/audit/caller.ts';
import { createAuthenticator } from '#core/authentication.ts';
import type { Core } from '#core/core.ts';
import { Downloads } from '#core/downloads.ts';
import { OsproxyError } from '#core/errors.ts';
import { FileRecords } from '#core/file-records.ts';
import { Files } from '#core/files.ts';
import { HashWorkers } from '#core/hashing/hash-workers.ts';
import { Ingest } from '#core/ingest.ts';
import { InstantUpload } from '#core/instant-upload.ts';
import { type LinkKey, LinkSigner } from '#core/link-signer.ts';
import { Links } from '#core/links.ts';
import { MediaFiles } from '#core/media/media-files.ts';
import type { Scope } from '#core/model/principal.ts';
import { PlacementPolicy } from '#core/placement.ts';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { ServiceKeys } from '#core/service-keys.ts';
import { Snowflakes } from '#core/snowflake.ts';
import { StorageKeys } from '#core/storage-keys.ts';
import { Stores } from '#core/stores.ts';
import { taskTypes } from '#core/tasks/index.ts';
import { TaskRunner } from '#core/tasks/runner.ts';
import { Uploads } from '#core/uploads.ts';
import { MemoryCache } from '#drivers/cache/memory.ts';
import { fileTypeContentTyper } from '#drivers/content-type/file-type.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { createLog } from '#drivers/logger/pino.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { openStore } from '#drivers/storage/index.ts';
import { createHttpServer } from '#frontends/http/server.ts';
import type { V0Core } from '#frontends/osproxy-v0/context.ts';
import { type OsproxyV0Options, registerOsproxyV0 } from '#frontends/osproxy-v0/index.ts';
import { testMedia } from '#test/core/media-parts.ts';
import { databaseUrlOf, placeOf } from '#test/profiles/place.ts';

const DAY_MS = 24 * 3_600_000;
const MEBIBYTE = 1024 * 1024;
const NODE = 'node-under-test';
const STORE = 'main';
const OLD_KEY: LinkKey = { id: 'k1', secret: 'the-first-link-key-of-these-tests-0001' };

/** What the wire needs, and what lets somebody in. */
type WireCore = V0Core & Pick<Core, 'authenticator' | 'keys' | 'links'>;

/** Nobody has an account. */
const NOBODY = {
  authenticate: async () => {
    throw new OsproxyError('Unauthenticated', 'This access token is not valid.');
  },
};

export interface HarnessOptions extends Partial<Omit<OsproxyV0Options, 'core'>> {
  readonly linkKeys?: readonly LinkKey[];
  /** Replaces pieces of the core, to see what the wire says when they fail. */
  readonly replace?: (core: WireCore) => Partial<WireCore>;
}

/** A service in this process on a real socket, with a store in memory where the profile names none; background tasks wait until runTasks(). */
export interface Harness {
  readonly url: string;
  readonly core: WireCore;
  /** A new service key. */
  key(owner: string, scopes?: readonly Scope[]): Promise<string>;
  /** How many objects the store holds, once the tasks that were let run have ended. */
  objects(): Promise<number>;
  /** Moves the service's clock forward. */
  advance(ms: number): void;
  /** Lets background tasks run and waits until none of those that verify content is left. */
  runTasks(): Promise<void>;
  /** Another server over the same database and store; returns its URL. */
  also(options: HarnessOptions): Promise<string>;
  close(): Promise<void>;
}

export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-v0-'));
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  const { logger, close: closeLog } = createLog({ level: 'silent' });
  const place = await placeOf(folder);
  const metadata = await openMetadata(databaseUrlOf(folder, place), { logger });
  await metadata.migrate();
  const coordinator = new DatabaseCoordinator({ metadata, clock, logger });
  const cache = new MemoryCache({ maxEntries: 1000 });
  const records = new FileRecords({ metadata, cache, coordinator, ttlMs: 5000 });
  const context = { nodeId: NODE, telemetry: silentTelemetry, logger };
  const store = await openStore(STORE, place.store ?? { type: 'memory' }, context);
  const stores = new Stores(new Map([[STORE, store]]), STORE, NODE);
  const ids = new Snowflakes(clock);
  ids.reserve({ worker: 1, floor: 0, reservedUntil: Number.MAX_SAFE_INTEGER });
  const workers = new HashWorkers(2);
  const downloads = new Downloads(stores);
  const typer = fileTypeContentTyper;
  const keys = new StorageKeys();
  const md5 = 'always' as const;
  let running = false;
  const policy = new PlacementPolicy({
    ...{ rules: [], defaultStore: STORE, limits: new Map(), stores: [STORE] },
  });
  const settings = {
    partSize: 8 * MEBIBYTE,
    expireMs: DAY_MS,
    maxFileSize: 64 * MEBIBYTE,
    maxPartSize: 8 * MEBIBYTE,
    taskAttempts: 3,
  };
  const made = { metadata, records, downloads, typer, ids, clock, keys, stores, workers, md5 };
  const wakeTasks = () => {
    if (running) runner.wake();
  };
  const holders = { holding: () => [] };
  const audit = new AuditLog({ metadata, clock, logger });
  const base = { ...made, policy, settings, holders, telemetry: silentTelemetry, wakeTasks, audit };
  const media = testMedia({ ...base, ingest: new Ingest(base) });
  const types = taskTypes({
    ...base,
    media,
    purgeEveryMs: DAY_MS,
    expireEveryMs: DAY_MS,
    graceMs: DAY_MS,
    historyMs: DAY_MS,
    auditMs: DAY_MS,
    events: { sinks: [], retentionMs: DAY_MS },
    scrub: undefined,
    transferBytesPerSecond: undefined,
  });
  const runner: TaskRunner = new TaskRunner({
    ...base,
    types,
    node: NODE,
    logger,
    concurrency: 2,
    leaseMs: 30_000,
  });
  const coreWith = (linkKeys: readonly LinkKey[]): WireCore => {
    const signer = new LinkSigner(linkKeys);
    const serviceKeys = new ServiceKeys({ ...base, stores: [STORE], configuredKey: undefined });
    const links = new Links({ ...base, signer, maxExpireSeconds: 604_800 });
    return {
      authenticator: createAuthenticator({ keys: serviceKeys, links, sessions: NOBODY }),
      keys: serviceKeys,
      links,
      uploads: new Uploads({ ...base, ingest: new Ingest(base) }),
      downloads,
      files: new Files(base),
      instantUpload: new InstantUpload({ ...base, scope: 'owner' }),
      signer,
      media: new MediaFiles(base),
      clock,
    };
  };
  const core = coreWith(options.linkKeys ?? [OLD_KEY]);
  const tasksEnd = async () => {
    for (let round = 0; round < 500; round += 1) {
      const counts = await metadata.tasks.counts(1000);
      const open = counts.filter(
        ({ type, state }) => type === 'compose' && (state === 'pending' || state === 'running'),
      );
      if (open.every(({ count }) => count === 0)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('Background tasks did not end within ten seconds.');
  };
  const closers: (() => Promise<unknown>)[] = [];
  const serve = async (whole: WireCore, wanted: HarnessOptions): Promise<string> => {
    const served: WireCore = { ...whole, ...wanted.replace?.(whole) };
    let url = '';
    const { app } = await createHttpServer({
      logger,
      authenticator: served.authenticator,
      telemetry: { ...silentTelemetry, httpRequest: () => {} },
      cors: false,
      trustedProxies: [],
    });
    closers.push(() => app.close());
    await registerOsproxyV0(app, {
      anonymous: false,
      maxPartBytes: 8 * MEBIBYTE,
      maxFileBytes: 64 * MEBIBYTE,
      idleTimeoutMs: 5000,
      defaultExpireSeconds: 3600,
      maxExpireSeconds: 604_800,
      ping: () => metadata.ping(),
      isLocal: ({ parts }) => parts.every((part) => part.placements.some((one) => stores.isNear(one))),
      nodeAddress: () => url,
      ...wanted,
      core: served,
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    return url;
  };
  const url = await serve(core, options);
  return {
    url,
    core,
    key: async (owner, scopes = ['read', 'write']) =>
      (await core.keys.create({ name: 'test', owner, scopes }, COMMAND)).secret,
    objects: async () => {
      // A task that joins parts adds an object of its own.
      if (running) await tasksEnd();
      let count = 0;
      for await (const _ of store.list()) count += 1;
      return count;
    },
    advance: (ms) => {
      ahead += ms;
    },
    runTasks: async () => {
      if (!running) await runner.start();
      running = true;
      runner.wake();
      await tasksEnd();
    },
    also: (other) => serve(other.linkKeys === undefined ? core : coreWith(other.linkKeys), other),
    close: async () => {
      for (const end of closers) await end();
      await runner.stop();
      records.close();
      await coordinator.close();
      await workers.close();
      await media.close();
      await stores.close();
      await cache.close();
      await metadata.close();
      await closeLog();
      await place.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
