import type { AuditActor, AuditOrigin, Caller } from '../model/audit.ts';
import type { Principal } from '../model/principal.ts';

const MOST_AGENT = 200;

/** Whoever runs a command on the machine of the service. */
export const COMMAND: Caller = { actor: { kind: 'command' }, origin: {} };

export function actorOf(principal: Principal): AuditActor {
  switch (principal.kind) {
    case 'service':
      return { kind: 'service', id: principal.keyId, name: principal.name };
    case 'person':
      return { kind: 'person', id: principal.userId };
    case 'link':
      return { kind: 'link', id: principal.linkId };
    case 'peer':
      return { kind: 'peer', id: principal.nodeId };
    case 'anonymous':
      return { kind: 'nobody' };
  }
}

/** Keeps of a User-Agent what says which program it was. */
export function originOf(from: {
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
  readonly requestId: string | undefined;
}): AuditOrigin {
  const agent = from.userAgent
    ?.replaceAll(/\p{Cc}/gu, '')
    .slice(0, MOST_AGENT)
    .toWellFormed();
  return {
    address: from.address?.slice(0, 64),
    userAgent: agent === '' ? undefined : agent,
    requestId: from.requestId,
  };
}
