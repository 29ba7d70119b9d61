import { basename } from 'node:path';
import type { Config } from '#config/config.ts';
import { nodeIdOf } from '#config/data-dir.ts';
import { linkKeysOf } from '#config/link-keys.ts';
import { AuditLog } from '#core/audit/audit-log.ts';
import { createAuthenticator } from '#core/authentication.ts';
import { ClusterOverview } from '#core/cluster/cluster-overview.ts';
import { PeerGate } from '#core/cluster/peer-gate.ts';
import { ScheduleLead } from '#core/cluster/schedule-lead.ts';
import type { Holders } from '#core/contents.ts';
import type { Core } from '#core/core.ts';
import { doctor } from '#core/doctor.ts';
import { Downloads } from '#core/downloads.ts';
import { Drive } from '#core/drive/drive.ts';
import { announced } from '#core/events/announced-metadata.ts';
import { Conditions } from '#core/events/conditions.ts';
import { EventFeed } from '#core/events/event-feed.ts';
import { EventFlow } from '#core/events/event-flow.ts';
import { SinkBoard } from '#core/events/sink-board.ts';
import { FileRecords } from '#core/file-records.ts';
import { Files } from '#core/files.ts';
import { fsck } from '#core/fsck.ts';
import { Groups } from '#core/groups.ts';
import { HashWorkers } from '#core/hashing/hash-workers.ts';
import { Holds } from '#core/holds.ts';
import { Idempotency } from '#core/idempotency.ts';
import { Ingest } from '#core/ingest.ts';
import { InstantUpload } from '#core/instant-upload.ts';
import { LinkSigner } from '#core/link-signer.ts';
import { Links } from '#core/links.ts';
import { Moves } from '#core/moves.ts';
import { PlacementPolicy } from '#core/placement.ts';
import { systemClock } from '#core/ports/clock.ts';
import type { Logger } from '#core/ports/logger.ts';
import { RateLimits } from '#core/rate-limits.ts';
import { RelaxedFiles } from '#core/relaxed-files.ts';
import { ScrubBoard } from '#core/scrub/scrub-board.ts';
import { ServiceKeys } from '#core/service-keys.ts';
import { Snowflakes } from '#core/snowflake.ts';
import { StorageKeys } from '#core/storage-keys.ts';
import { StoreOverview } from '#core/store-overview.ts';
import { StoreUsages } from '#core/store-usage.ts';
import { TaskBoard } from '#core/task-board.ts';
import { taskTypes } from '#core/tasks/index.ts';
import { isSubmitted, ownTaskType } from '#core/tasks/own-task.ts';
import { TaskRunner } from '#core/tasks/runner.ts';
import { SCRUB, scrubTypeOf } from '#core/tasks/scrub.ts';
import { TaskSubmission } from '#core/tasks/submission.ts';
import { TaskSignals } from '#core/tasks/task-signals.ts';
import { Triggers } from '#core/tasks/triggers.ts';
import { Uploads } from '#core/uploads.ts';
import { UsageBoard } from '#core/usage/usage-board.ts';
import { WorkerNumber } from '#core/worker-number.ts';
import { openCache } from '#drivers/cache/index.ts';
import { fileTypeContentTyper } from '#drivers/content-type/file-type.ts';
import { openCoordinator } from '#drivers/coordinator/index.ts';
import { SiblingCoordinator } from '#drivers/coordinator/siblings.ts';
import { cronerCron } from '#drivers/cron/croner.ts';
import { HttpPeers } from '#drivers/peers/http-peers.ts';
import { openRateCounter } from '#drivers/rate-counter/index.ts';
import { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';
import type { NodeProcess, OpenService, Service } from './commands/context.ts';
import { commandUsers, configuredAccounts } from './configured/accounts.ts';
import { commandAdministration } from './configured/administration.ts';
import { configuredContents } from './configured/contents.ts';
import { openDatabase, replicaCheck, replicaTimes } from './configured/database.ts';
import { configuredDrive } from './configured/drive.ts';
import { configuredIdentityProviders, identityProviderChecks } from './configured/identity-providers.ts';
import { mailCheck, mailerOf } from './configured/mail.ts';
import { configuredMedia, mediaCheck, mediaCore } from './configured/media.ts';
import { loadOwnTasks } from './configured/own-tasks.ts';
import { rabbitCheck } from './configured/rabbit-check.ts';
import { linkOf, redisCheck } from './configured/redis.ts';
import { scannerCheck, scanSettingsOf } from './configured/scanner.ts';
import { scrubSettingsOf } from './configured/scrub.ts';
import { configuredSharing } from './configured/shares.ts';
import { configuredSignInWith } from './configured/sign-in-with.ts';
import { configuredSinks } from './configured/sinks.ts';
import { limitsOf, prepareStores, startStores } from './configured/stores.ts';
import { configuredTypes, taskPushOf } from './configured/tasks.ts';
import { configuredUsage } from './configured/usage.ts';
import { type HttpParts, listen, openapiDocument } from './listen.ts';
import { workOnTasks } from './work-on-tasks.ts';

const MEBIBYTE = 1024 * 1024;

/** Builds the whole service from its configuration; the one place that sees core, drivers and front ends. */
export const openService: OpenService = async (config, logger, process) => {
  const parts = await buildParts(config, logger, process);
  const { metadata, stores, workers, core, keys } = parts;
  const graceMs = config.purge.graceSeconds * 1000;
  const service: Service = {
    ...commandAdministration(core, (work) => withIds(parts, work)),
    cluster: core.cluster,
    stores: core.stores,
    users: commandUsers(core.accounts, (work) => withIds(parts, work)),
    usage: core.usage,
    fsck: async (options) => {
      const { report } = options;
      const run = () =>
        fsck({
          ...{ ...options, metadata, stores, workers, clock: core.clock, ids: parts.ids, graceMs },
          settings: { taskAttempts: config.tasks.maxAttempts },
          report: (finding) => report({ ...finding, detail: finding.message }),
        });
      const summary = await (options.repair ? withIds(parts, run) : run());
      const { files, blobs, drives, orphans, findings: found, repaired } = summary;
      return { checked: { files, blobs, drives, orphans }, found, repaired };
    },
    doctor: () =>
      doctor({
        metadata,
        stores,
        keys,
        others: [
          ...replicaCheck(metadata),
          ...redisCheck(parts.link),
          ...rabbitCheck(config),
          ...scannerCheck(parts.scanner),
          ...mediaCheck(parts.media.tools),
          ...mailCheck(parts.mailer),
          ...identityProviderChecks(parts.identityProviders),
        ],
      }),
    schema: () => metadata.schema(),
    plan: () => metadata.plan(),
    migrate: () => metadata.migrate(),
    listen: () => listen(parts),
    work: () => workOnTasks(parts),
    openapi: () => openapiDocument(parts),
    close: async () => {
      parts.records.close();
      core.accounts.close();
      await parts.push?.close();
      await parts.media.close();
      for (const provider of parts.identityProviders) provider.close();
      await parts.taskSignals.close();
      await parts.coordinator.close();
      await stores.close();
      await workers.close();
      await parts.cache.close();
      await parts.rateCounter.close();
      await parts.link?.close();
      await parts.conditions.settled();
      await metadata.close();
    },
  };
  return service;
};

async function buildParts(config: Config, logger: Logger, ofNode?: NodeProcess): Promise<HttpParts> {
  const nodeId = nodeIdOf(config);
  const clock = systemClock;
  const telemetry = new PrometheusTelemetry();
  const link = linkOf(config, logger);
  const prepared = await prepareStores(config);
  const sinks = configuredSinks(config, clock, logger);
  const identityProviders = configuredIdentityProviders(config, clock);
  const ownTasks = await loadOwnTasks(config);
  const database = await openDatabase(config, logger);
  const heard = (except?: string) =>
    announced(database, {
      within: (event, at, repositories) => triggers.follow(event, at, repositories, except),
      after: (types) => events.appended(types),
      enqueued: (tasks) => runner.enqueued(tasks),
      priorityOf: (type) => runner.priorityOf(type),
    });
  const metadata = heard();
  const ofNodes = openCoordinator({ metadata, clock, logger, link });
  const coordinator = ofNode === undefined ? ofNodes : new SiblingCoordinator(ofNodes, ofNode);
  const cache = openCache({ entries: config.cache.records, link });
  const rateCounter = openRateCounter(link);
  const ttlMs = config.cache.records === 0 ? 0 : config.cache.ttlSeconds * 1000;
  const relaxed =
    metadata.replicas === undefined
      ? undefined
      : new RelaxedFiles({ metadata, coordinator, clock, ...replicaTimes(config) });
  const records = new FileRecords({ metadata, cache, coordinator, ttlMs, relaxed });
  const { secret, formerSecrets } = config.cluster;
  const peers = secret === undefined ? undefined : new HttpPeers({ nodeId, secret, coordinator, clock });
  const secrets = secret === undefined ? [] : [secret, ...formerSecrets];
  const gate = secret === undefined ? undefined : new PeerGate({ secrets, nodeId, clock, logger });
  const conditions = new Conditions({ metadata, nodeId, clock, logger });
  const around = { nodeId, telemetry, logger, conditions };
  const stores = await startStores(config, prepared, around, peers);
  const workers = new HashWorkers(config.hashing.threads);
  const snowflakes = new Snowflakes(clock);
  const holder = `${nodeId}/${process.pid}`;
  const events: EventFlow = new EventFlow({
    ...{ metadata, coordinator, sinks, holder, clock, logger, telemetry },
  });
  const workerNumber = new WorkerNumber({ coordinator, snowflakes, holder, clock, logger });
  const keys = new StorageKeys();
  const typer = fileTypeContentTyper;
  const downloads = new Downloads(stores, metadata);
  const md5 = config.uploads.md5;
  const limits = new Map(config.stores.map((store) => [store.name, limitsOf(store)]));
  const { defaultStore, placement } = config;
  const policy = new PlacementPolicy({ rules: placement.rules, defaultStore, limits, stores: stores.names });
  const settings = {
    partSize: config.uploads.partSizeMiB * MEBIBYTE,
    expireMs: config.uploads.expireHours * 3_600_000,
    maxFileSize: config.uploads.maxFileSizeMiB * MEBIBYTE,
    maxPartSize: config.uploads.maxPartSizeMiB * MEBIBYTE,
    taskAttempts: config.tasks.maxAttempts,
  };
  const made = { metadata, records, downloads, typer, ids: snowflakes, clock, keys, stores, workers, md5 };
  const holders: Holders = { holding: (ready) => triggers.holding(ready) };
  const audit = new AuditLog({ metadata, clock, logger });
  const common = { ...made, telemetry, policy, settings, holders, audit, wakeTasks: () => runner.wake() };
  const groups = new Groups({ ...common, stores: stores.names });
  const drives = configuredDrive(config, common, groups);
  const base = { ...common, ties: drives.ties };
  const scrub = scrubSettingsOf(config, nodeId);
  const scan = scanSettingsOf(config);
  const ingest = new Ingest(base);
  const media = configuredMedia(config, { ...base, ingest });
  const leaseMs = config.tasks.leaseSeconds * 1000;
  const lead = new ScheduleLead({ coordinator, nodeId, clock, logger, leaseMs });
  const taskSignals = new TaskSignals({ coordinator, logger });
  const idempotency = new Idempotency(metadata, clock);
  /** Files put by a task of this type are no reason for another of it. */
  const uploadsOf = (type: string) => {
    const parts = { ...base, metadata: heard(type) };
    const others: Holders = { holding: (ready) => triggers.holding(ready, type) };
    return new Uploads({ ...parts, holders: others, ingest: new Ingest(parts) });
  };
  const own = ownTasks.map((task) => ownTaskType({ ...base, idempotency, uploadsOf }, task));
  const submitted = new Set(own.filter(isSubmitted).map(({ type }) => type));
  const types = configuredTypes(config, [
    ...taskTypes({
      ...base,
      drives,
      purgeEveryMs: config.purge.intervalSeconds * 1000,
      events: {
        sinks: sinks.map(({ name }) => name),
        retentionMs: config.events.retentionHours * 3_600_000,
      },
      expireEveryMs: config.purge.intervalSeconds * 1000,
      graceMs: config.purge.graceSeconds * 1000,
      scrub,
      scan,
      media,
      sweepNode: secret === undefined ? undefined : nodeId,
      transferBytesPerSecond: placement.transferMiBPerSecond * MEBIBYTE || undefined,
      historyMs: config.tasks.historyHours * 3_600_000,
      auditMs: config.audit.retentionDays * 86_400_000,
    }),
    ...own,
  ]);
  const push = taskPushOf(config, types, logger);
  const triggers: Triggers = new Triggers(types, { ids: snowflakes, taskAttempts: settings.taskAttempts });
  const runner: TaskRunner = new TaskRunner({
    ...base,
    types,
    push,
    signals: taskSignals,
    cron: cronerCron,
    node: nodeId,
    logger,
    concurrency: config.tasks.concurrency,
    leaseMs,
    leads: () => lead.held !== undefined,
  });
  const serviceKeys = new ServiceKeys({ ...base, stores: stores.names, configuredKey: config.apiKey });
  const usages = new StoreUsages(metadata);
  const signer = new LinkSigner(linkKeysOf(config));
  const links = new Links({ ...base, signer, maxExpireSeconds: config.links.maxExpireSeconds });
  const mailer = await mailerOf(config);
  const accounts = configuredAccounts(config, { ...base, coordinator, logger, mailer });
  const usage = configuredUsage(config, { metadata, clock, logger, telemetry });
  const uploads = new Uploads({ ...base, ingest });
  const feed = new EventFeed({ metadata, flow: events, logger });
  const drive = new Drive(drives, uploads, { ...base, feed, sessions: accounts.sessions });
  accounts.users.onDeleted(async ({ id }, repositories) => {
    await drive.end(repositories, id);
  });
  const instantUpload = new InstantUpload({ ...base, scope: config.instantUpload.scope });
  const rateLimits = new RateLimits({
    counter: rateCounter,
    requestsPerMinute: config.http.rateLimit,
    failuresPerMinute: config.http.failedAuthentications,
  });
  const core: Core = {
    authenticator: createAuthenticator({
      ...{ keys: serviceKeys, links, peers: gate, sessions: accounts.sessions },
    }),
    accounts,
    signInWith: configuredSignInWith({
      ...{ metadata, providers: identityProviders, users: accounts.users, signUp: accounts.signUp },
      proceed: (user, how, from) => accounts.signIn.proceed(user, how, from),
      confirmation: accounts.confirmation,
      ...{ counter: rateCounter, audit, ids: snowflakes, clock, logger },
    }),
    uploads,
    downloads,
    files: new Files(base),
    instantUpload,
    links,
    signer,
    holds: new Holds(base),
    idempotency,
    keys: serviceKeys,
    stores: new StoreOverview({
      stores,
      usages,
      types: new Map(config.stores.map(({ name, type }) => [name, basename(type)])),
      limitsOf: (store) => policy.limitsOf(store),
    }),
    moves: new Moves(base),
    tasks: new TaskBoard({ ...base, types, signals: taskSignals, cron: cronerCron }),
    submission: new TaskSubmission({ ...base, types: types.filter(({ type }) => submitted.has(type)) }),
    ...mediaCore(media, base),
    scrub: new ScrubBoard({
      ...base,
      isOn: scrub !== undefined,
      typeOf: (node) => (node === undefined ? SCRUB : scrubTypeOf(node)),
    }),
    cluster: new ClusterOverview({ coordinator, metadata, clock }),
    feed,
    sinks: new SinkBoard({
      ...{ metadata, clock, audit, configured: sinks.map(({ name }) => name) },
      wakeSinks: () => events.wakeSinks(),
    }),
    usage: new UsageBoard(metadata),
    audit,
    groups,
    drive,
    shares: configuredSharing(config, { ...base, ...accounts, drive, uploads, signer, rateLimits, audit }),
    ...configuredContents(config, { ...base, rateCounter, drive, uploads, instantUpload }),
    clock,
  };
  return {
    config,
    logger,
    nodeId,
    ofNode,
    telemetry,
    metadata,
    link,
    coordinator,
    cache,
    rateCounter,
    rateLimits,
    records,
    stores,
    workers,
    workerNumber,
    ids: snowflakes,
    keys,
    runner,
    scanner: scan?.scanner,
    identityProviders,
    push,
    taskSignals,
    events,
    conditions,
    lead,
    usages,
    media,
    usage,
    mailer,
    core,
  };
}

/** Ids are safe to make only while the worker number is held; a short command holds it for one call. */
async function withIds<T>({ workerNumber }: HttpParts, work: () => Promise<T>): Promise<T> {
  await workerNumber.start();
  try {
    return await work();
  } finally {
    await workerNumber.stop();
  }
}
