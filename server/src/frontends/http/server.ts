import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController,
  type RawServerDefault,
} from 'fastify';
import type { Authenticator } from '#core/authentication.ts';
import { OsproxyError } from '#core/errors.ts';
import type { RateLimits } from '#core/rate-limits.ts';
import './augment.ts';
import { guardRoutes } from './authenticate.ts';
import { Connections } from './connections.ts';
import { Exchange } from './exchange.ts';
import { HttpError } from './http-error.ts';
import { PROBLEM_TYPE, problemOf, sendProblem } from './problem.ts';
import { redactUrl } from './redact.ts';
import { makeRequestId, requestIdOf } from './request-id.ts';
import { RouteTable, rejectUnknownRoute } from './routes.ts';
import { buildSerializer } from './serialization.ts';
import type { HttpTelemetry } from './telemetry.ts';
import { leavesBodyUnread, lingering } from './unread-body.ts';
import { type UsageListener, usageOf } from './usage.ts';
import { buildValidator } from './validation.ts';

interface HttpLimits {
  /** Bytes of a body that is parsed (JSON); streamed bodies have limits of their own. */
  readonly parsedBodyBytes: number;
  /** Bytes of all header lines with the request line; more is answered with 431. */
  readonly headerBytes: number;
  /** Characters of path and query; more is answered with 414. */
  readonly urlLength: number;
  /** Characters of one path parameter; more is answered with 414. */
  readonly parameterLength: number;
}

interface HttpTimeouts {
  /** Milliseconds for all header lines of a request. */
  readonly headersMs: number;
  /** Milliseconds an idle connection is kept for the next request. */
  readonly keepAliveMs: number;
  /** Milliseconds without a byte in either direction while the client has something to send or to take. */
  readonly idleMs: number;
}

export interface HttpServerOptions {
  readonly logger: FastifyBaseLogger;
  readonly authenticator: Authenticator;
  readonly telemetry: HttpTelemetry;
  /** false: no CORS headers at all. */
  readonly cors: FastifyCorsOptions | false;
  /** Addresses and networks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** Without it nothing is limited. */
  readonly rateLimits?: RateLimits;
  /** Told of each upload and download when it has ended. */
  readonly onUsage?: UsageListener | undefined;
  readonly limits?: Partial<HttpLimits>;
  readonly timeouts?: Partial<HttpTimeouts>;
}

const DEFAULT_LIMITS: HttpLimits = {
  parsedBodyBytes: 1024 * 1024,
  headerBytes: 16 * 1024,
  urlLength: 8 * 1024,
  parameterLength: 1024,
};

const DEFAULT_TIMEOUTS: HttpTimeouts = { headersMs: 30_000, keepAliveMs: 65_000, idleMs: 60_000 };

export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface CreatedHttpServer {
  readonly app: HttpServer;
  /** Every route registered so far, for documentation and tests of who gets in. */
  readonly routes: RouteTable;
}

/**
 * The instance all front ends are registered on. It denies by default, answers errors as problem details unless a front end sets its
 * own error handler in its scope, and logs one line per finished request.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<CreatedHttpServer> {
  const { logger, telemetry } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };

  const connections = new Connections({
    idleMs: timeouts.idleMs,
    keepAliveMs: timeouts.keepAliveMs,
    onFinished: (exchange, complete) => {
      report(exchange, complete, telemetry);
      const usage = options.onUsage === undefined ? undefined : usageOf(exchange, complete, Date.now());
      if (usage !== undefined) options.onUsage?.(usage);
    },
    onMalformed: (error, socket) => refuseMalformed(error, socket, logger),
  });

  const draining = (): boolean => connections.draining;
  const begin = (request: FastifyRequest, reply: FastifyReply): void => {
    const exchange = new Exchange(request, reply, draining);
    (request as { exchange: Exchange }).exchange = exchange;
    reply.header('x-request-id', request.id);
    connections.begin(exchange);
  };

  const serverOptions: FastifyServerOptions<RawServerDefault, FastifyBaseLogger> = {
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    trustProxy: options.trustedProxies.length === 0 ? false : [...options.trustedProxies],
    bodyLimit: limits.parsedBodyBytes,
    return503OnClosing: false,
    routerOptions: { maxParamLength: limits.parameterLength },
    schemaController: { compilersFactory: { buildValidator, buildSerializer } },
    frameworkErrors: (error, request, reply) => {
      begin(request as FastifyRequest, reply as FastifyReply);
      sendProblem(error, request as FastifyRequest, reply as FastifyReply);
    },
    serverFactory: (handler) => {
      const server = createServer(
        {
          maxHeaderSize: limits.headerBytes,
          headersTimeout: timeouts.headersMs,
          connectionsCheckingInterval: Math.min(5000, Math.ceil(timeouts.headersMs / 2)),
          keepAliveTimeout: timeouts.keepAliveMs,
          requestTimeout: 0,
          // Told below, with a request id and in the form of the front end.
          requireHostHeader: false,
          noDelay: true,
        },
        handler,
      );
      server.setTimeout(timeouts.idleMs);
      connections.watch(server);
      return server;
    },
    clientErrorHandler: () => {},
  };
  const app: HttpServer = fastify(serverOptions).withTypeProvider<TypeBoxTypeProvider>();

  app.decorate('telemetry', telemetry);
  app.decorate('drain', (graceMs: number) => connections.drain(graceMs));
  app.decorateRequest('exchange');
  app.decorateRequest('principal', { getter: principalOf });
  app.decorateRequest('abort', { getter: abortOf });

  app.addHook('onRequest', (request, reply, done) => {
    begin(request, reply);
    const url = request.raw.url ?? '';
    // RFC 9112 §3.2: a request of HTTP/1.1 without Host must be refused.
    if (request.raw.httpVersion === '1.1' && request.raw.headers.host === undefined) {
      return done(new OsproxyError('InvalidArgument', 'The request has no Host header.'));
    }
    if (url.length <= limits.urlLength) return done();
    done(new HttpError(414, 'InvalidArgument', `The URL is longer than ${limits.urlLength} characters.`));
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (connections.draining) reply.header('connection', 'close');
    done(
      null,
      leavesBodyUnread(request.raw, reply.statusCode) ? lingering(request, reply, payload) : payload,
    );
  });
  app.addHook('preClose', async () => {
    await connections.drain(0);
  });

  const routes = new RouteTable(app as unknown as FastifyInstance);
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler(rejectUnknownRoute(routes));
  if (options.cors !== false) await registerCors(app, options.cors);
  guardRoutes(app as unknown as FastifyInstance, options.authenticator, options.rateLimits);
  return { app, routes };
}

/** Preflight answers come from the plugin's own wildcard route, which is public by nature. */
async function registerCors(app: HttpServer, cors: FastifyCorsOptions): Promise<void> {
  app.addHook('onRoute', (route) => {
    if (route.method === 'OPTIONS' && route.url === '*') {
      route.config = { ...route.config, access: { kind: 'public' }, ignoreCredentials: true };
    }
  });
  await app.register(fastifyCors, cors);
}

function principalOf(this: FastifyRequest): Exchange['principal'] {
  return this.exchange.principal;
}

function abortOf(this: FastifyRequest): AbortSignal {
  return this.exchange.signal;
}

function report(exchange: Exchange, complete: boolean, telemetry: HttpTelemetry): void {
  const { request, reply, principal } = exchange;
  const ms = performance.now() - exchange.startedAt;
  const route = request.routeOptions?.url ?? 'unmatched';
  const status = reply.raw.statusCode;
  telemetry.httpRequest(request.method, route, status, ms / 1000);
  request.log.info(
    {
      method: request.method,
      url: redactUrl(request.raw.url ?? ''),
      route,
      status,
      bytes: exchange.bytesOut ?? contentLength(request, reply),
      ...(exchange.bytesIn > 0 ? { bytesIn: exchange.bytesIn } : {}),
      ms: Math.round(ms * 1000) / 1000,
      remote: exchange.remote,
      principal: principal.kind,
      ...(principal.kind === 'service' ? { principalId: principal.keyId } : {}),
      ...(principal.kind === 'person' ? { principalId: principal.userId } : {}),
      ...(principal.kind === 'peer' ? { principalId: principal.nodeId } : {}),
      ...(principal.kind === 'link' ? { principalId: principal.linkId } : {}),
      ...(complete ? {} : { aborted: exchange.reason?.message ?? true }),
    },
    'request',
  );
}

function contentLength(request: FastifyRequest, reply: FastifyReply): number {
  if (request.method === 'HEAD') return 0;
  return Number(reply.raw.getHeader('content-length') ?? reply.getHeader('content-length') ?? 0);
}

/** Answers bytes that are not HTTP; what was sent is neither logged nor repeated. */
function refuseMalformed(error: Error & { code?: string }, socket: Socket, logger: FastifyBaseLogger): void {
  const requestId = makeRequestId();
  const failure = malformedFailure(error.code);
  const problem = problemOf({ error: failure, status: failure.status, headers: {} }, requestId);
  const body = JSON.stringify(problem);
  logger.info(
    { requestId, status: problem.status, remote: socket.remoteAddress, reason: error.code },
    'malformed request',
  );
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\nconnection: close\r\nx-request-id: ${requestId}\r\n` +
      `content-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  // What the client still sends is read for a moment, so that it sees the answer and not a reset.
  const cut = setTimeout(() => socket.destroy(), 1000);
  socket.once('close', () => clearTimeout(cut)).once('end', () => socket.destroy());
  socket.resume();
}

function malformedFailure(code: string | undefined): HttpError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new HttpError(
      431,
      'TooLarge',
      'The request line and headers are larger than this service allows.',
    );
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new HttpError(408, 'Cancelled', 'The request headers did not come in time.');
  }
  return new HttpError(400, 'InvalidArgument', 'These bytes are not a valid HTTP/1.1 request.');
}
