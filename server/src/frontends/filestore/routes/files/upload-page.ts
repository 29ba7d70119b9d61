import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, OPEN } from '../../context.ts';

const schema = {
  tags: ['filestore'],
  summary: 'The upload page: leads to the web app',
  response: { 302: Type.Null() },
};

export function uploadPage(scope: HttpServer, { webUrl }: FilestoreOptions): void {
  scope.get('/upload', { schema, config: OPEN }, async (_request, reply) => reply.redirect(webUrl, 302));
}
