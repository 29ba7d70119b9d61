import type { Config } from '#config/config.ts';
import { nodeIdOf } from '#config/data-dir.ts';
import { linkKeysOf } from '#config/link-keys.ts';
import { createAuthenticator } from '#core/authentication.ts';
import type { Core } from '#core/core.ts';
import { doctor } from '#core/doctor.ts';
import { Downloads } from '#core/downloads.ts';
import { FileRecords } from '#core/file-records.ts';
import { Files } from '#core/files.ts';
import { fsck } from '#core/fsck.ts';
import { HashWorkers } from '#core/hashing/hash-workers.ts';
import { Idempotency } from '#core/idempotency.ts';
import { Ingest } from '#core/ingest.ts';
import { InstantUpload } from '#core/instant-upload.ts';
import { LinkSigner } from '#core/link-signer.ts';
import { Links } from '#core/links.ts';
import { systemClock } from '#core/ports/clock.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { ServiceKeys } from '#core/service-keys.ts';
import { Snowflakes } from '#core/snowflake.ts';
import { StorageKeys } from '#core/storage-keys.ts';
import { Stores } from '#core/stores.ts';
import { taskTypes } from '#core/tasks/index.ts';
import { TaskRunner } from '#core/tasks/runner.ts';
import { Uploads } from '#core/uploads.ts';
import { WorkerNumber } from '#core/worker-number.ts';
import { MemoryCache } from '#drivers/cache/memory.ts';
import { fileTypeContentTyper } from '#drivers/content-type/file-type.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { openStore } from '#drivers/storage/index.ts';
import { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';
import type { OpenService, Service } from './commands/context.ts';
import { type HttpParts, listen, openapiDocument } from './listen.ts';

const MEBIBYTE = 1024 * 1024;

/** Builds the whole service from its configuration; the one place that sees core, drivers and front ends. */
export const openService: OpenService = async (config, logger) => {
  const parts = await buildParts(config, logger);
  const { metadata, stores, workers, core, keys } = parts;
  const graceMs = config.purge.graceSeconds * 1000;
  const service: Service = {
    keys: core.keys,
    fsck: async (options) => {
      const { report } = options;
      const summary = await fsck({
        ...options,
        metadata,
        stores,
        workers,
        clock: core.clock,
        graceMs,
        report: (finding) => report({ ...finding, detail: finding.message }),
      });
      const { files, blobs, orphans } = summary;
      return { checked: { files, blobs, orphans }, found: summary.findings, repaired: summary.repaired };
    },
    doctor: () => doctor({ metadata, stores, keys }),
    schema: () => metadata.schema(),
    migrate: () => metadata.migrate(),
    listen: () => listen(parts),
    openapi: () => openapiDocument(parts),
    close: async () => {
      parts.records.close();
      await parts.coordinator.close();
      await stores.close();
      await workers.close();
      await parts.cache.close();
      await metadata.close();
    },
  };
  return service;
};

async function buildParts(config: Config, logger: Logger): Promise<HttpParts> {
  const nodeId = nodeIdOf(config);
  const clock = systemClock;
  const telemetry = new PrometheusTelemetry();
  const metadata = await openMetadata(config.database.url, { logger });
  const coordinator = new DatabaseCoordinator({ metadata, clock, logger });
  const cache = new MemoryCache({ maxEntries: Math.max(config.cache.records, 1) });
  const ttlMs = config.cache.records === 0 ? 0 : config.cache.ttlSeconds * 1000;
  const records = new FileRecords({ metadata, cache, coordinator, ttlMs });
  const stores = await openStores(config, { nodeId, telemetry, logger });
  const workers = new HashWorkers(config.hashing.threads);
  const snowflakes = new Snowflakes(clock);
  const holder = `${nodeId}/${process.pid}`;
  const workerNumber = new WorkerNumber({ coordinator, snowflakes, holder, clock, logger });
  const keys = new StorageKeys();
  const typer = fileTypeContentTyper;
  const downloads = new Downloads(stores);
  const md5 = config.uploads.md5;
  const base = { metadata, records, downloads, typer, ids: snowflakes, clock, keys, stores, workers, md5 };
  const runner = new TaskRunner({
    ...base,
    types: taskTypes({
      ...base,
      purgeEveryMs: config.purge.intervalSeconds * 1000,
      expireEveryMs: config.purge.intervalSeconds * 1000,
      graceMs: config.purge.graceSeconds * 1000,
    }),
    node: nodeId,
    logger,
    telemetry,
    concurrency: config.tasks.concurrency,
    leaseMs: config.tasks.leaseSeconds * 1000,
  });
  const serviceKeys = new ServiceKeys(metadata, clock, config.apiKey);
  const signer = new LinkSigner(linkKeysOf(config));
  const links = new Links({ ...base, signer, maxExpireSeconds: config.links.maxExpireSeconds });
  const core: Core = {
    authenticator: createAuthenticator(serviceKeys, links),
    uploads: new Uploads({
      ...base,
      ingest: new Ingest(base),
      wakeTasks: () => runner.wake(),
      settings: {
        partSize: config.uploads.partSizeMiB * MEBIBYTE,
        expireMs: config.uploads.expireHours * 3_600_000,
        maxFileSize: config.uploads.maxFileSizeMiB * MEBIBYTE,
        maxPartSize: config.uploads.maxPartSizeMiB * MEBIBYTE,
        taskAttempts: config.tasks.maxAttempts,
      },
    }),
    downloads,
    files: new Files(base),
    instantUpload: new InstantUpload({ ...base, scope: config.instantUpload.scope }),
    links,
    signer,
    idempotency: new Idempotency(metadata, clock),
    keys: serviceKeys,
    clock,
  };
  return {
    config,
    logger,
    nodeId,
    telemetry,
    metadata,
    coordinator,
    cache,
    records,
    stores,
    workers,
    workerNumber,
    keys,
    runner,
    core,
  };
}

async function openStores(
  config: Config,
  context: { nodeId: string; telemetry: PrometheusTelemetry; logger: Logger },
): Promise<Stores> {
  const { smallObjectsMiB, smallObjectKiB } = config.cache;
  const cache = { maxBytes: smallObjectsMiB * MEBIBYTE, maxObjectBytes: smallObjectKiB * 1024 };
  const drivers = new Map<string, StorageDriver>();
  for (const { name, ...settings } of config.stores) {
    drivers.set(
      name,
      await openStore(name, settings, smallObjectsMiB === 0 ? context : { ...context, cache }),
    );
  }
  return new Stores(drivers, config.defaultStore, context.nodeId);
}
