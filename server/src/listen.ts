import { isIPv6 } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '#config/config.ts';
import { addUpLoads, LoadMeter } from '#core/cluster/load-meter.ts';
import { NodePulse } from '#core/cluster/node-pulse.ts';
import { NodeWatch } from '#core/cluster/node-watch.ts';
import { PeerObjects } from '#core/cluster/peer-objects.ts';
import type { ScheduleLead } from '#core/cluster/schedule-lead.ts';
import type { Core } from '#core/core.ts';
import { isOsproxyError, toOsproxyError } from '#core/errors.ts';
import type { Conditions } from '#core/events/conditions.ts';
import type { EventFlow } from '#core/events/event-flow.ts';
import type { FileRecords } from '#core/file-records.ts';
import type { HashWorkers } from '#core/hashing/hash-workers.ts';
import type { Cache } from '#core/ports/cache.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';
import type { IdentityProvider } from '#core/ports/identity-provider.ts';
import type { IdSource } from '#core/ports/ids.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { Mailer } from '#core/ports/mailer.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import type { RateCounter } from '#core/ports/rate-counter.ts';
import type { Scanner } from '#core/ports/scanner.ts';
import type { RateLimits } from '#core/rate-limits.ts';
import type { StorageKeys } from '#core/storage-keys.ts';
import { MARK_KEY, whatIsSuspicious, writeMark } from '#core/store-marks.ts';
import type { StoreUsages } from '#core/store-usage.ts';
import type { Stores } from '#core/stores.ts';
import type { TaskRunner } from '#core/tasks/runner.ts';
import { serverRole } from '#core/tasks/task-role.ts';
import type { TaskSignals } from '#core/tasks/task-signals.ts';
import type { UsageFlow } from '#core/usage/usage-flow.ts';
import type { WorkerNumber } from '#core/worker-number.ts';
import { createLog } from '#drivers/logger/pino.ts';
import type { RedisLink } from '#drivers/redis/redis-link.ts';
import type { RabbitTaskPush } from '#drivers/task-push/rabbitmq-task-push.ts';
import type { MetricsSnapshot, PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';
import { registerFilestore } from '#frontends/filestore/index.ts';
import { registerHealth } from '#frontends/http/health.ts';
import { registerOpenApi } from '#frontends/http/openapi.ts';
import { createHttpServer, type HttpServer } from '#frontends/http/server.ts';
import { registerOsproxyV0 } from '#frontends/osproxy-v0/index.ts';
import { registerAccountPages } from '#frontends/pages/account-pages.ts';
import { registerPeer } from '#frontends/peer/index.ts';
import { BASE_PATH } from '#frontends/rest/context.ts';
import { registerRest } from '#frontends/rest/index.ts';
import { clusterAddressOf } from './cluster-address.ts';
import type { Listener, NodeProcess } from './commands/context.ts';
import { packageVersion } from './commands/version.ts';
import type { MediaParts } from './configured/media.ts';
import { addEventMetrics } from './metrics/events.ts';
import { addHoldMetrics } from './metrics/holds.ts';
import { addRedisMetrics } from './metrics/redis.ts';
import { addReplicaMetrics, replicaReadiness } from './metrics/replicas.ts';
import { addScrubMetrics } from './metrics/scrub.ts';
import { addTaskPushMetrics, taskPushCheck } from './metrics/task-push.ts';
import { addTaskMetrics } from './metrics/tasks.ts';
import { addUsageMetrics } from './metrics/usage.ts';

const MEBIBYTE = 1024 * 1024;
const SEEN_LATELY_MS = 30_000;
const STORE_GAUGES = [
  ['osproxy_store_bytes', 'Bytes of content by the store that has them.', 'bytes'],
  ['osproxy_store_objects', 'Objects with content by the store that has them.', 'objects'],
] as const;

/** Everything assemble.ts built, for those who put it on the network. */
export interface HttpParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly nodeId: string;
  /** undefined where the node is this process alone. */
  readonly ofNode: NodeProcess | undefined;
  readonly telemetry: PrometheusTelemetry;
  readonly metadata: Metadata;
  /** The way to Redis where one is set. */
  readonly link: RedisLink | undefined;
  readonly coordinator: Coordinator;
  readonly cache: Cache;
  readonly rateCounter: RateCounter;
  readonly rateLimits: RateLimits;
  readonly records: FileRecords;
  readonly stores: Stores;
  readonly workers: HashWorkers;
  readonly workerNumber: WorkerNumber;
  readonly ids: IdSource;
  readonly keys: StorageKeys;
  readonly runner: TaskRunner;
  /** undefined where files are not scanned. */
  readonly scanner: Scanner | undefined;
  readonly identityProviders: readonly IdentityProvider[];
  /** Where processes are told of tasks by a broker. */
  readonly push: RabbitTaskPush | undefined;
  readonly taskSignals: TaskSignals;
  readonly events: EventFlow;
  readonly conditions: Conditions;
  readonly lead: ScheduleLead;
  readonly usages: StoreUsages;
  readonly media: MediaParts;
  /** undefined where usage is not counted. */
  readonly usage: UsageFlow | undefined;
  /** undefined where no mail is sent. */
  readonly mailer: Mailer | undefined;
  readonly core: Core;
}

/** Puts the service on the network: worker number, heartbeats and tasks run from here on until close(). */
export async function listen(parts: HttpParts): Promise<Listener> {
  const { config, coordinator, workerNumber, runner, lead, logger, ofNode, conditions } = parts;
  let stops = false;
  await Promise.all([workerNumber.start(), parts.link?.start()]);
  const stopping = () => stops;
  const app = await createApp(parts, logger as unknown as FastifyBaseLogger, config.http.docs, stopping);
  const meter = new LoadMeter({
    transfers: () => parts.telemetry.openTransfers,
    tasks: () => runner.running,
  });
  const pulse = new NodePulse({
    ...{ coordinator, logger, lead, clock: parts.core.clock, stores: parts.stores, nodeId: parts.nodeId },
    version: packageVersion(),
    load: async () => addUpLoads([meter.read(), ...((await ofNode?.loads()) ?? [])]),
  });
  ofNode?.answerLoad(() => meter.read());
  const watch = new NodeWatch({ coordinator, conditions, lead, logger, clock: parts.core.clock });
  const closing = new AbortController();
  let marking: Promise<unknown> = Promise.resolve();
  let speaking: Promise<unknown> = Promise.resolve();
  const close = async () => {
    closing.abort();
    await parts.core.feed.close();
    await app.close();
    await speaking;
    await marking;
    await runner.stop();
    await watch.stop();
    await lead.stop();
    await pulse.stop();
    meter.stop();
    if (ofNode === undefined || (await ofNode.isLast())) {
      await coordinator.leave(parts.nodeId);
      conditions.node(parts.nodeId, false);
    }
    await conditions.settled();
    await parts.events.stop();
    await parts.usage?.stop();
    await workerNumber.stop();
  };
  try {
    await (ofNode === undefined
      ? app.listen({ host: config.host, port: config.port })
      : takeConnections(app, ofNode));
    const url = ofNode?.url ?? urlOf(app);
    const address = clusterAddressOf(config, url);
    if (config.cluster.secret !== undefined)
      logger.info({ node: parts.nodeId, address }, 'other nodes reach this one here');
    // One process of a node speaks for it in the registry and leads its schedules.
    const speak = async () => {
      await lead.start(async () => {
        if (closing.signal.aborted) return;
        await runner.schedule();
        await pulse.beat();
      });
      await pulse.start(address, ofNode?.startedAt);
      conditions.node(parts.nodeId, true);
      watch.start();
      await warnOfLoneliness(parts);
      marking = markStores(parts, closing.signal);
    };
    if (ofNode === undefined || ofNode.speaks) await speak();
    else {
      void ofNode.speak.then(() => {
        if (closing.signal.aborted) return;
        logger.info({}, 'this process speaks for the node now');
        speaking = speak().catch((error: unknown) =>
          logger.warn({ err: error }, 'a look at the other nodes failed'),
        );
      });
    }
    await runner.start(serverRole(config.tasks.leftToWorkers));
    parts.events.start();
    parts.usage?.start();
    parts.workers.warm();
    return {
      url,
      announceStop: () => {
        stops = true;
      },
      drain: async (ms) => {
        await parts.core.feed.close();
        await app.drain(ms);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Serves the connections that the primary process accepts. */
async function takeConnections(app: HttpServer, ofNode: NodeProcess): Promise<void> {
  await app.ready();
  // An HTTP server begins to watch how long headers take when it listens; this one never does.
  app.server.emit('listening');
  ofNode.accept((socket) => app.server.emit('connection', socket));
}

/** Without a secret each node sees only its own bytes, which looks like lost files when it was forgotten. */
async function warnOfLoneliness({ config, coordinator, stores, nodeId, logger }: HttpParts): Promise<void> {
  const local = stores.names.filter((name) => stores.nodeOf(name) !== undefined);
  if (config.cluster.secret !== undefined || local.length === 0) return;
  const others = (await coordinator.nodes(SEEN_LATELY_MS)).filter(({ id }) => id !== nodeId);
  if (others.length === 0) return;
  logger.warn(
    { stores: local, nodes: others.map(({ id }) => id) },
    'there are other nodes, and files in node-local stores can be read on their own node only; set OSPROXY_CLUSTER_SECRET to the same value on every node',
  );
}

/**
 * Says in one line of the log what is wrong with a store: that it is another than before, or cannot be used. It is used again as soon as it can
 * be; one that could not be marked now is marked at the next start.
 */
async function markStores(parts: HttpParts, signal: AbortSignal): Promise<void> {
  const { config, logger, stores } = parts;
  for (const { name, type } of config.stores) {
    // It is empty after every start, and nobody needs to be told.
    if (type === 'memory') continue;
    const look = async () => {
      await writeMark(parts, name, signal);
      const suspicion = await whatIsSuspicious(parts, name);
      if (suspicion !== undefined) logger.error({ store: name }, suspicion);
      else await stores.driver(name).stat(MARK_KEY, { signal });
      // One that was down when this node was killed has not been told to be up.
      parts.conditions.store(name, true);
    };
    await look().catch((error: unknown) => {
      if (signal.aborted) return;
      const { message, retryable } = toOsproxyError(error);
      const sentence = `Store "${name}" cannot be used at the moment: ${message} "osproxy doctor" says more.`;
      if (retryable) logger.warn({ err: error, store: name }, sentence);
      else logger.error({ err: error, store: name }, sentence);
    });
  }
}

/** The OpenAPI document of every route, without listening. */
export async function openapiDocument(parts: HttpParts): Promise<object> {
  const log = createLog({ level: 'silent' });
  const app = await createApp(parts, log.logger, true, () => false);
  await app.ready();
  const document = app.swagger();
  await app.close();
  await log.close();
  return document;
}

async function createApp(
  parts: HttpParts,
  logger: FastifyBaseLogger,
  docs: boolean,
  stopping: () => boolean,
): Promise<HttpServer> {
  const { config, core, metadata, cache, stores, telemetry, ofNode } = parts;
  const listeningAt = () => ofNode?.url ?? urlOf(app);
  const { app } = await createHttpServer({
    logger,
    authenticator: core.authenticator,
    telemetry,
    cors: corsOf(config.http.corsOrigins),
    trustedProxies: config.http.trustedProxies,
    rateLimits: parts.rateLimits,
    onUsage: parts.usage && ((record) => parts.usage?.add(record)),
    limits: {
      parsedBodyBytes: config.http.jsonBodyLimitKiB * 1024,
      headerBytes: config.http.headerLimitKiB * 1024,
    },
    timeouts: {
      headersMs: config.http.headersTimeoutSeconds * 1000,
      keepAliveMs: config.http.keepAliveSeconds * 1000,
      idleMs: config.http.idleTimeoutSeconds * 1000,
    },
  });
  const limits = {
    maxPartBytes: config.uploads.maxPartSizeMiB * MEBIBYTE,
    maxFileBytes: config.uploads.maxFileSizeMiB * MEBIBYTE,
    idleTimeoutMs: config.http.idleTimeoutSeconds * 1000,
    defaultExpireSeconds: config.links.defaultExpireSeconds,
    maxExpireSeconds: config.links.maxExpireSeconds,
  };
  addTaskMetrics(telemetry, { metadata, tasks: core.tasks, now: () => core.clock.now() });
  for (const [name, help, field] of STORE_GAUGES) {
    telemetry.addGauge({
      name,
      help,
      labels: ['store'],
      collect: async () => {
        const usage = await parts.usages.recent();
        return [...usage.values()].map((one) => ({ labels: { store: one.store }, value: one[field] }));
      },
    });
  }
  addHoldMetrics(telemetry, core.holds);
  addEventMetrics(telemetry, core.sinks);
  addScrubMetrics(telemetry, core.scrub);
  addUsageMetrics(telemetry, parts.usage);
  telemetry.addGauge({
    name: 'osproxy_processes',
    help: 'Processes of this node that serve.',
    labels: [],
    perProcess: true,
    collect: async () => [{ labels: {}, value: 1 }],
  });
  if (metadata.replicas !== undefined) addReplicaMetrics(telemetry, metadata.replicas);
  if (parts.push !== undefined) addTaskPushMetrics(telemetry, parts.push);
  if (parts.link !== undefined) addRedisMetrics(telemetry, parts.link, cache);
  await registerOpenApi(app, { version: packageVersion(), enabled: docs });
  const defaultStore = () => stores.defaultDriver.stat('0000/readiness-probe').catch(ignoreNotFound);
  await registerHealth(app, {
    checks: [
      { name: 'database', check: () => metadata.ping() },
      { name: 'store', check: async () => void (await defaultStore()) },
      ...(metadata.replicas === undefined ? [] : [replicaReadiness(metadata.replicas)]),
      ...redisCheck(parts.link),
      ...taskPushCheck(parts.push),
    ],
    metrics: ofNode === undefined ? telemetry : metricsOfNode(telemetry, ofNode),
    stopping,
    publicMetrics: config.http.publicMetrics,
  });
  await registerOsproxyV0(app, {
    ...limits,
    core,
    anonymous: config.v0.anonymous,
    ping: async () => {
      await metadata.ping();
      await cache.get('ping');
    },
    isLocal: (content) => content.parts.every((part) => part.placements.some((p) => stores.isNear(p))),
    nodeAddress: () =>
      config.cluster.secret === undefined
        ? (config.publicUrl ?? listeningAt())
        : clusterAddressOf(config, listeningAt()),
  });
  if (config.cluster.secret !== undefined) await registerPeer(app, new PeerObjects({ stores, metadata }));
  if (config.filestore.enabled) {
    await registerFilestore(app, { ...limits, core, webUrl: config.publicUrl ?? '/' });
  }
  await registerAccountPages(app, {
    apiPath: BASE_PATH,
    passwordMinLength: config.accounts.passwordMinLength,
  });
  await registerRest(app, {
    ...limits,
    core,
    ...(config.publicUrl === undefined ? {} : { publicUrl: config.publicUrl }),
  });
  return app;
}

/** Whichever process is asked answers for all; alone where the others cannot be asked. */
function metricsOfNode(telemetry: PrometheusTelemetry, ofNode: NodeProcess) {
  ofNode.answerMetrics(() => telemetry.snapshot());
  return {
    contentType: telemetry.contentType,
    text: async () => {
      const own = await telemetry.snapshot();
      const all = (await ofNode.allMetrics(own)) as readonly MetricsSnapshot[] | undefined;
      return telemetry.addUp(all ?? [own]);
    },
  };
}

function redisCheck(link: RedisLink | undefined) {
  return link === undefined ? [] : [{ name: 'redis', optional: true, check: () => link.ping() }];
}

function corsOf(origins: readonly string[]) {
  if (origins.length === 0) return false;
  return {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'],
    exposedHeaders: [
      ...['ETag', 'Content-Range', 'Content-Disposition', 'X-Request-Id', 'Location'],
      ...['RateLimit', 'RateLimit-Policy', 'Retry-After', 'X-Text-Charset', 'X-Text-Truncated'],
    ],
    maxAge: 600,
  };
}

function ignoreNotFound(error: unknown): void {
  if (!isOsproxyError(error, 'NotFound')) throw error;
}

export function urlOf(app: HttpServer): string {
  const address = app.server.address();
  if (address === null || typeof address === 'string') return '';
  return `http://${isIPv6(address.address) ? `[${address.address}]` : address.address}:${address.port}`;
}
