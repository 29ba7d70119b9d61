import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import { OsproxyError } from '#core/errors.ts';
import { workerRole } from '#core/tasks/task-role.ts';
import { registerHealth } from '#frontends/http/health.ts';
import { createHttpServer, type HttpServer } from '#frontends/http/server.ts';
import type { TaskWorker } from './commands/context.ts';
import { type HttpParts, urlOf } from './listen.ts';
import { addTaskPushMetrics, taskPushCheck } from './metrics/task-push.ts';

const SEEN_LATELY_MS = 35_000;
const LOOK_MS = 1_000;

/** Runs tasks until close(), beside servers on the same database; it speaks for no node, leads no schedules and tells nobody of events. */
export async function workOnTasks(parts: HttpParts): Promise<TaskWorker> {
  const { config, logger, runner, workerNumber } = parts;
  const { types } = config.tasks.worker;
  const closing = new AbortController();
  let beginning: Promise<void> = Promise.resolve();
  let app: HttpServer | undefined;
  const close = async () => {
    closing.abort();
    await beginning;
    await app?.close();
    await runner.stop();
    await parts.conditions.settled();
    await workerNumber.stop();
  };
  try {
    await Promise.all([workerNumber.start(), parts.link?.start()]);
    app = await tellOfHealth(parts, () => closing.signal.aborted);
    beginning = begin();
    return { url: app === undefined ? undefined : urlOf(app), close };
  } catch (error) {
    await close();
    throw error;
  }

  async function begin(): Promise<void> {
    await serverOfNode(parts, closing.signal);
    if (closing.signal.aborted) return;
    await runner.start(workerRole(types, config.tasks.leftToWorkers));
    parts.workers.warm();
    logger.info({ types: types.length === 0 ? 'all' : types, node: parts.nodeId }, 'working on tasks');
  }
}

/**
 * Where stores belong to the node, what a task writes there can be read by others only through a server of this node: resolves when there is one.
 */
async function serverOfNode({ stores, coordinator, nodeId, logger }: HttpParts, signal: AbortSignal) {
  const local = stores.names.filter((name) => stores.nodeOf(name) !== undefined);
  let said = false;
  while (local.length > 0 && !signal.aborted) {
    const nodes = await coordinator.nodes(SEEN_LATELY_MS).catch(() => []);
    if (nodes.some(({ id }) => id === nodeId)) return;
    if (!said) {
      logger.warn(
        { node: nodeId, stores: local },
        'no server of this node runs, and only such a one gives others what is kept here: the worker waits for it; start "osproxy serve" with the same data folder, or give the worker shared stores only',
      );
      said = true;
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

/** A port with /healthz, /readyz and /metrics and nothing else; undefined where none is wanted. */
async function tellOfHealth(parts: HttpParts, stopping: () => boolean): Promise<HttpServer | undefined> {
  const { config, logger, telemetry, metadata, core, push } = parts;
  const { host, port } = config.tasks.worker;
  if (port === undefined) return undefined;
  const { app } = await createHttpServer({
    logger: logger as unknown as FastifyBaseLogger,
    authenticator: core.authenticator,
    telemetry,
    cors: false,
    trustedProxies: config.http.trustedProxies,
  });
  if (push !== undefined) addTaskPushMetrics(telemetry, push);
  registerHealth(app, {
    checks: [{ name: 'database', check: () => metadata.ping() }, ...taskPushCheck(push)],
    metrics: telemetry,
    stopping,
    publicMetrics: config.http.publicMetrics,
  });
  try {
    await app.listen({ host, port });
    return app;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new OsproxyError(
      'Unavailable',
      `Nothing can listen on port ${port} of ${host}${code}; set another tasks.worker.port (OSPROXY_TASKS_WORKER_PORT) or tasks.worker.host.`,
      { cause },
    );
  }
}
