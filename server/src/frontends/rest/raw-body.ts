import type { FastifyRequest } from 'fastify';
import { OsproxyError } from '#core/errors.ts';
import type { Expectation } from '#core/model/blob.ts';
import { type ReceivedBody, type ReceiveOptions, receiveBody } from '../http/receive.ts';
import { digestsOf } from './digest-headers.ts';

export interface RawUpload {
  readonly body: ReceivedBody;
  /** Size and digests that the headers declare. */
  readonly expect: Expectation;
}

/** The body of a PUT as bytes to store; throws InvalidArgument, TooLarge or Unsupported before the first one is read. */
export function receiveRaw(request: FastifyRequest, options: ReceiveOptions): RawUpload {
  const { headers } = request.raw;
  if (headers['content-range'] !== undefined) {
    // RFC 9110 §14.5: a partial PUT must not be taken for the whole.
    throw new OsproxyError(
      'InvalidArgument',
      'Content-Range is not understood here: send the whole body, or go on with an upload in parts.',
      { details: { field: 'Content-Range' } },
    );
  }
  const expect = digestsOf(headers);
  const body = receiveBody(request, options);
  return { body, expect: body.size === undefined ? expect : { ...expect, size: body.size } };
}
