import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '#core/errors.ts';
import { failureOf } from '../http/problem.ts';
import { RouteTable, rejectUnknownRoute } from '../http/routes.ts';
import type { Failed } from './envelope.ts';

/** Clients of this wire know 422 for everything that is wrong with what they sent, a form of the wrong type included. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  InvalidArgument: 422,
  ChecksumMismatch: 422,
  Unsupported: 422,
  Unauthenticated: 401,
  PermissionDenied: 403,
  NotFound: 404,
  Expired: 404,
  Cancelled: 408,
  AlreadyExists: 409,
  Conflict: 409,
  PreconditionFailed: 412,
  TooLarge: 413,
  RangeNotSatisfiable: 416,
  Locked: 423,
  RateLimited: 429,
  Internal: 500,
  Unavailable: 503,
  QuotaExceeded: 507,
};

const UNSUPPORTED_MEDIA_TYPE = 415;
const DEFAULT_RETRY_SECONDS = '5';

/** Every failure below the prefix, an unknown path included, is told in the envelope. Call before any route is registered. */
export function answerErrors(scope: FastifyInstance): void {
  const table = new RouteTable(scope);
  scope.setErrorHandler(sendFailure);
  scope.setNotFoundHandler(rejectUnknownRoute(table));
}

function sendFailure(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { error, status: ownStatus, headers } = failureOf(thrown, request);
  const status =
    ownStatus === UNSUPPORTED_MEDIA_TYPE ? STATUS.Unsupported : (ownStatus ?? STATUS[error.code]);
  if (status === 503) reply.header('retry-after', DEFAULT_RETRY_SECONDS);
  const envelope: Failed = { code: status, message: error.message, data: '' };
  return reply
    .code(status)
    .headers(headers)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(envelope);
}
