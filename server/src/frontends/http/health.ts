import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { AccessRule } from '#core/access.ts';
import { isOsproxyError, OsproxyError } from '#core/errors.ts';

interface ReadinessCheck {
  /** Shown to everybody: a role such as "database", no address. */
  readonly name: string;
  /** True for what the service can do without: it is degraded then, and still ready. */
  readonly optional?: boolean;
  /** Rejects when the thing cannot be used. */
  check(signal: AbortSignal): Promise<void>;
}

export interface HealthOptions {
  readonly checks: readonly ReadinessCheck[];
  /** true from the moment at which the service is about to stop. */
  readonly stopping?: () => boolean;
  /** Milliseconds after which a check counts as failed; default 3000. */
  readonly checkTimeoutMs?: number;
  /** Text of the metrics in Prometheus form. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** false: /metrics needs a service key with the admin scope. Default true. */
  readonly publicMetrics?: boolean;
}

const CheckSchema = Type.Object({
  name: Type.String(),
  ok: Type.Boolean(),
  latencyMs: Type.Number(),
  error: Type.Optional(Type.String()),
});
const ReadySchema = Type.Object({
  status: Type.Enum(['ok', 'degraded', 'failing', 'stopping'], {
    description:
      'degraded: something that the service can do without does not answer; it is ready all the same.',
  }),
  checks: Type.Array(CheckSchema),
});

const PUBLIC: AccessRule = { kind: 'public' };
const tags = ['operation'];

/** /healthz: the process answers. /readyz: what it needs answers too. /metrics: what it has counted. */
export function registerHealth(app: FastifyInstance, options: HealthOptions): void {
  const timeoutMs = options.checkTimeoutMs ?? 3000;
  const config = { access: PUBLIC, ignoreCredentials: true, unlimited: true };

  app.get(
    '/healthz',
    {
      config,
      schema: {
        tags,
        summary: 'Whether the process answers',
        response: { 200: Type.Object({ status: Type.Enum(['ok']) }) },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      config,
      schema: {
        tags,
        summary: 'Whether the process and what it needs answer',
        response: { 200: ReadySchema, 503: ReadySchema },
      },
    },
    async (_request, reply) => {
      const checks = await Promise.all(options.checks.map((check) => run(check, timeoutMs)));
      const failed = options.checks.filter((_check, index) => checks[index]?.ok !== true);
      const ready = failed.every((check) => check.optional === true);
      const stopping = options.stopping?.() === true;
      reply.header('cache-control', 'no-store').code(ready && !stopping ? 200 : 503);
      const status = failed.length === 0 ? 'ok' : ready ? 'degraded' : 'failing';
      return { status: stopping ? ('stopping' as const) : status, checks };
    },
  );

  app.get(
    '/metrics',
    {
      config:
        options.publicMetrics === false
          ? { access: { kind: 'service', scope: 'admin' } as AccessRule, unlimited: true }
          : config,
      schema: { tags, summary: 'Counters in Prometheus text form', produces: ['text/plain'] },
    },
    async (_request, reply) => {
      const text = await options.metrics.text();
      return reply.header('content-type', options.metrics.contentType).send(text);
    },
  );
}

interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  readonly latencyMs: number;
  readonly error?: string;
}

async function run(check: ReadinessCheck, timeoutMs: number): Promise<CheckResult> {
  const startedAt = performance.now();
  const latencyMs = (): number => Math.round((performance.now() - startedAt) * 100) / 100;
  const controller = new AbortController();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `No answer within ${timeoutMs} ms.`;
    controller.abort(new OsproxyError('Cancelled', message));
    timeout.reject(new OsproxyError('Unavailable', message));
  }, timeoutMs);
  try {
    await Promise.race([check.check(controller.signal), timeout.promise]);
    return { name: check.name, ok: true, latencyMs: latencyMs() };
  } catch (error) {
    return { name: check.name, ok: false, latencyMs: latencyMs(), error: shown(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Only sentences that were written for clients; anything else may hold addresses or secrets. */
function shown(error: unknown): string {
  return isOsproxyError(error) && error.code !== 'Internal'
    ? error.message
    : 'It does not answer as it should.';
}
