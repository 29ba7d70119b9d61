import { Type } from 'typebox';

const MEANINGS = {
  400: 'Something in the request is wrong; `details.field` names it.',
  401: 'No service key, access token or link was shown, or it is not valid.',
  403: 'The key lacks the scope, or the link does not allow this call.',
  404: 'There is no such thing, or it belongs to somebody else.',
  408: 'The body stopped coming.',
  409: 'It is not in a state that allows this.',
  410: 'The upload or link is over, or the events are not kept any more.',
  412: 'A precondition of the request does not hold.',
  413: 'More bytes than are allowed.',
  415: 'The body has a form that this call does not take.',
  416: 'The range lies outside of the content.',
  422: 'The content does not have the declared digest; nothing was kept.',
  423: 'The file is held back until it was checked; Retry-After says when to ask again.',
  429: 'Too many requests, or too many wrong keys from this address; Retry-After says when to try again.',
  500: 'Something went wrong inside the service.',
  503: 'Something the service needs is away; Retry-After says when to try again.',
  507: 'The store is full, or the quota used up.',
} as const;

export type ProblemStatus = keyof typeof MEANINGS;

/** Answers that every call may give. */
export const COMMON: readonly ProblemStatus[] = [400, 401, 403, 429, 500, 503];

/** Answers of calls that take bytes in. */
export const RECEIVING: readonly ProblemStatus[] = [408, 413, 415, 422, 507];

/** Response schemas of the failures with these statuses. */
export function problems(...statuses: readonly ProblemStatus[]): Record<string, unknown> {
  const content = { 'application/problem+json': { schema: { $ref: 'Problem#' } } };
  return Object.fromEntries(
    statuses.map((status) => [String(status), { description: MEANINGS[status], content }]),
  );
}

/** The answer of a call that has nothing to say. */
export function nothing(description: string) {
  return Type.Null({ description });
}
