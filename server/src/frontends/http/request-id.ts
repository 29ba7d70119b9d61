import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const ACCEPTED = /^[\w.:-]{1,128}$/;

// One random start per process and a counter: unique across nodes without a call to the kernel per request.
const prefix = randomBytes(9).toString('base64url');
let count = 0;

export function makeRequestId(): string {
  count += 1;
  return `${prefix}-${count.toString(36)}`;
}

/** The caller's own id where it is harmless in logs and headers, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'] ?? request.headers['request-id'];
  return typeof given === 'string' && ACCEPTED.test(given) ? given : makeRequestId();
}
