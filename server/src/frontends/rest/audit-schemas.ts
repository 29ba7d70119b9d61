import { type Static, Type } from 'typebox';
import { parseMoment } from '#core/audit/moment.ts';
import {
  AUDIT_ACTIONS,
  AUDIT_ACTORS,
  AUDIT_OUTCOMES,
  AUDIT_SUBJECTS,
  type AuditEntry,
} from '#core/model/audit.ts';
import type { AuditFilter } from '#core/ports/metadata/audit.ts';
import { given } from './presenters.ts';
import { ref } from './schemas.ts';

const AuditEntryBody = Type.Object(
  {
    id: Type.String(),
    at: Type.String({ format: 'date-time', description: 'UTC.' }),
    actor: Type.Object(
      {
        kind: Type.Enum([...AUDIT_ACTORS]),
        id: Type.Optional(Type.String({ description: 'Of the user, key or link.' })),
        name: Type.Optional(Type.String({ description: 'What the user or key was called then.' })),
      },
      { description: 'Who did it. nobody: not signed in; command: somebody on the machine of the service.' },
    ),
    action: Type.String({ examples: [...AUDIT_ACTIONS.slice(0, 3)] }),
    subject: Type.Object({
      kind: Type.Enum([...AUDIT_SUBJECTS]),
      id: Type.Optional(Type.String()),
    }),
    outcome: Type.Enum([...AUDIT_OUTCOMES], {
      description: 'refused: it was not allowed, or the proof was wrong. failed: it went wrong.',
    }),
    address: Type.Optional(Type.String()),
    userAgent: Type.Optional(Type.String({ description: 'The first 200 characters.' })),
    requestId: Type.Optional(Type.String({ description: 'As in the log of the service.' })),
    detail: Type.Record(Type.String(), Type.Unknown(), { description: 'What changed, to what; no secrets.' }),
  },
  { $id: 'AuditEntry', description: 'Something that somebody did.' },
);

export const AuditListBody = Type.Object(
  {
    entries: Type.Array(ref(AuditEntryBody)),
    next: Type.Union([Type.String(), Type.Null()], {
      description: '`cursor` of the next page; null at the end.',
    }),
  },
  { $id: 'AuditList', description: 'Entries of the audit log, newest first.' },
);

export const AUDIT_SCHEMAS = [AuditEntryBody, AuditListBody];

const moment = (description: string) =>
  Type.Optional(Type.String({ maxLength: 40, description, examples: ['2026-01-31T00:00:00Z'] }));

export const auditFilter = {
  actor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 255, description: 'Id of a user, key or link.' }),
  ),
  action: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'An action, or a group of them as `key.*`.',
      examples: ['session.refused', 'user.*'],
    }),
  ),
  subject: Type.Optional(
    Type.String({ minLength: 1, maxLength: 255, description: 'Id of what it was done to.' }),
  ),
  address: Type.Optional(
    Type.String({ minLength: 1, maxLength: 64, description: 'Address that it came from.' }),
  ),
  from: moment('Nothing before this day or moment. UTC where no offset is given.'),
  to: moment('Nothing at or after this day or moment.'),
};

const AuditFilterQuery = Type.Object(auditFilter);

export function auditFilterOf(query: Static<typeof AuditFilterQuery>): AuditFilter {
  const { actor, action, subject, address, from, to } = query;
  return { actor, action, subject, address, from: parseMoment(from, 'from'), to: parseMoment(to, 'to') };
}

export function auditBody(entry: AuditEntry): Static<typeof AuditEntryBody> {
  const { id, at, actor, action, subject, origin, outcome, detail } = entry;
  return {
    id,
    at: new Date(at).toISOString(),
    actor: { kind: actor.kind, ...given({ id: actor.id, name: actor.name }) },
    action,
    subject: { kind: subject.kind, ...given({ id: subject.id }) },
    outcome,
    ...given(origin),
    detail: { ...detail },
  };
}
