import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import type { AuditLog } from '#core/audit/audit-log.ts';
import { CSV_HEAD, csvLine } from '#core/audit/csv.ts';
import type { AuditFilter } from '#core/ports/metadata/audit.ts';
import type { HttpServer } from '../../../http/server.ts';
import { auditFilter, auditFilterOf } from '../../audit-schemas.ts';
import type { RestOptions } from '../../context.ts';

const schema = {
  operationId: 'exportAudit',
  tags: ['audit'],
  summary: 'Read the audit log as CSV',
  description:
    'Everything that fits, newest first, with a line of column names. A cell that a spreadsheet would take for a formula begins with an apostrophe. An answer that breaks off is not whole.',
  querystring: Type.Object(auditFilter),
  response: {
    200: { description: 'The entries.', content: { 'text/csv': { schema: Type.String() } } },
  },
};

export function exportAudit(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/audit.csv', { config, schema }, async (request, reply) => {
    reply.type('text/csv; charset=utf-8').header('content-disposition', 'attachment; filename="audit.csv"');
    const lines = csvOf(core.audit, auditFilterOf(request.query), request.abort);
    // A filter that is wrong is refused before the answer begins.
    const first = await lines.next();
    if (request.method === 'HEAD' || first.done === true) {
      await lines.return();
      return reply.send('');
    }
    return (reply as FastifyReply).send(
      Readable.from(whole(first.value, lines), { objectMode: false, highWaterMark: 1 }),
    );
  });
}

/** A page of the log at a time, so that memory stays the same however long it is. */
async function* csvOf(log: AuditLog, filter: AuditFilter, signal: AbortSignal): AsyncGenerator<string, void> {
  let head = CSV_HEAD;
  for await (const entries of log.walk(filter, signal)) {
    yield head + entries.map(csvLine).join('');
    head = '';
  }
  if (head !== '') yield head;
}

async function* whole(first: string, rest: AsyncGenerator<string, void>): AsyncGenerator<string, void> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return();
  }
}
