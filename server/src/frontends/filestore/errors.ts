import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '#core/errors.ts';
import { failureOf } from '../http/problem.ts';
import { RouteTable, rejectUnknownRoute } from '../http/routes.ts';
import type { Failed } from './envelope.ts';

/** The code of a failure is its status, negative. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  InvalidArgument: 400,
  Unauthenticated: 401,
  PermissionDenied: 403,
  NotFound: 404,
  Cancelled: 408,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  PreconditionFailed: 412,
  TooLarge: 413,
  Unsupported: 415,
  RangeNotSatisfiable: 416,
  ChecksumMismatch: 422,
  Locked: 423,
  RateLimited: 429,
  Internal: 500,
  Unavailable: 503,
  QuotaExceeded: 507,
};

/** Every failure below the prefix, an unknown path included, is told in the envelope. Call before any route is registered. */
export function answerErrors(scope: FastifyInstance): void {
  const table = new RouteTable(scope);
  scope.setErrorHandler(sendFailure);
  scope.setNotFoundHandler(rejectUnknownRoute(table));
}

function sendFailure(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { error, status = STATUS[error.code], headers } = failureOf(thrown, request);
  const envelope: Failed = { code: -status, msg: error.message, data: null };
  return reply
    .code(status)
    .headers(headers)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(envelope);
}
