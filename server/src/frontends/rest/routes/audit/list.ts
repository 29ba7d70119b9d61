import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { AuditListBody, auditBody, auditFilter, auditFilterOf } from '../../audit-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { decodeTaskCursor, encodeTaskCursor } from '../../cursor.ts';
import { ref } from '../../schemas.ts';

const PAGE = 100;

const schema = {
  operationId: 'listAudit',
  tags: ['audit'],
  summary: 'Read the audit log',
  description: 'Who did what from where, newest first. Every filter that is given must fit.',
  querystring: Type.Object({
    ...auditFilter,
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: PAGE, description: 'Entries per page.' }),
    ),
    cursor: Type.Optional(Type.String({ description: '`next` of the page before.' })),
  }),
  response: { 200: ref(AuditListBody) },
};

export function listAudit(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/audit', { config, schema }, async ({ query }) => {
    const { limit = PAGE, cursor } = query;
    const position = cursor === undefined ? undefined : decodeTaskCursor(cursor);
    const after = position && { at: position.createdAt, id: position.id };
    const { entries, next } = await core.audit.list(auditFilterOf(query), after, limit);
    return {
      entries: entries.map(auditBody),
      next: next === undefined ? null : encodeTaskCursor({ createdAt: next.at, id: next.id }),
    };
  });
}
