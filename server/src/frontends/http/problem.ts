import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { type ErrorCode, OsproxyError } from '#core/errors.ts';
import { fromFastify } from './fastify-errors.ts';
import { HttpError } from './http-error.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** RFC 9457; `code` is what programs act on. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'Always about:blank: `code` says more.' }),
    title: Type.String({ description: 'The name of the status.' }),
    status: Type.Integer(),
    detail: Type.String({ description: 'One sentence for people: what is wrong and what to do.' }),
    code: Type.String({ description: 'The stable name of the error, such as NotFound.' }),
    retryable: Type.Boolean({ description: 'True when the same request may succeed later.' }),
    requestId: Type.String({ description: 'Quote it when you report a problem.' }),
    details: Type.Optional(
      Type.Object({}, { additionalProperties: true, description: 'Facts such as the field or the limit.' }),
    ),
  },
  { $id: 'Problem', description: 'Why a request failed (RFC 9457).' },
);

/** What HTTP calls each failure, where a protocol on it does not ask for another status. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  InvalidArgument: 400,
  Unauthenticated: 401,
  PermissionDenied: 403,
  NotFound: 404,
  Expired: 410,
  AlreadyExists: 409,
  Conflict: 409,
  PreconditionFailed: 412,
  TooLarge: 413,
  QuotaExceeded: 507,
  RangeNotSatisfiable: 416,
  ChecksumMismatch: 422,
  Locked: 423,
  RateLimited: 429,
  Unsupported: 415,
  Unavailable: 503,
  Cancelled: 408,
  Internal: 500,
};

/** Told where something is away and nobody knows for how long. */
const DEFAULT_RETRY_SECONDS = 5;

/** What a front end may tell a client about a failure, whatever the form of its answers. */
export interface Failure {
  /** Safe to show: an Internal error carries the request id and nothing else. */
  readonly error: OsproxyError;
  /** Set where HTTP itself gives the status; else the front end's own table decides. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Turns whatever was thrown into what may be told, and logs what must not be. */
export function failureOf(thrown: unknown, request: FastifyRequest): Failure {
  const error = fromFastify(thrown);
  if (error.code === 'Internal') {
    request.log.error({ err: error.cause ?? error, failure: error.message }, 'a request failed unexpectedly');
    const shown = `Something went wrong inside the service; quote request id ${request.id} when you report it.`;
    return { error: new OsproxyError('Internal', shown), status: undefined, headers: {} };
  }
  if (error.cause !== undefined && error.code === 'Unavailable') {
    request.log.warn({ err: error }, 'a request failed because something it needs is away');
  }
  return { error, status: error instanceof HttpError ? error.status : undefined, headers: headersOf(error) };
}

/** The answer of a Failure as problem details. */
export function problemOf(failure: Failure, requestId: string): Record<string, unknown> & { status: number } {
  const { error } = failure;
  const status = failure.status ?? STATUS[error.code];
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: error.message,
    code: error.code,
    retryable: error.retryable,
    requestId,
    ...(Object.keys(error.details).length > 0 ? { details: error.details } : {}),
  };
}

/** The error handler of every front end that has no form of its own. */
export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = failureOf(thrown, request);
  const problem = problemOf(failure, request.id);
  return reply
    .code(problem.status)
    .headers(failure.headers)
    .type(PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(problem);
}

function headersOf(error: OsproxyError): Readonly<Record<string, string>> {
  const headers: Record<string, string> = error instanceof HttpError ? { ...error.headers } : {};
  const mayPass = error.code === 'Unavailable' && error.retryable;
  const seconds = error.retryAfterSeconds ?? (mayPass ? DEFAULT_RETRY_SECONDS : undefined);
  if (seconds !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(seconds)));
  if (error.code === 'Unauthenticated') headers['www-authenticate'] = 'Bearer realm="osproxy"';
  return headers;
}
