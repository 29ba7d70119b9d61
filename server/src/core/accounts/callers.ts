import { originOf } from '../audit/caller.ts';
import type { Caller } from '../model/audit.ts';
import type { Origin } from '../model/session.ts';
import type { User } from '../model/user.ts';

/** The service by itself, where nobody asked for it. */
export const SYSTEM: Caller = { actor: { kind: 'system' }, origin: {} };

/** Somebody who just showed who it is. */
export function callerOfUser({ id, name }: User, from: Origin): Caller {
  return { actor: { kind: 'person', id, name }, origin: auditOrigin(from) };
}

/** Somebody of whom it is not known yet who it is. */
export function unknownCaller(from: Origin): Caller {
  return { actor: { kind: 'nobody' }, origin: auditOrigin(from) };
}

function auditOrigin({ address, agent, requestId }: Origin): Caller['origin'] {
  return originOf({ address, userAgent: agent, requestId });
}
