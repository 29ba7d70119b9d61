import { Type } from 'typebox';
import { parseUid } from '#core/model/uid.ts';
import { checkName } from '#core/names.ts';
import { sendFile } from '../../../http/send-file.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { Bytes, ContentHeaders, Disposition, Name, UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'getContent',
  tags: ['files'],
  summary: 'Read a file',
  description:
    'Ranges, preconditions and HEAD as in RFC 9110. Types that a browser could run are always sent as attachment. Each GET through a link counts as one use; a link fixes disposition and name.',
  params: UidParams,
  querystring: Type.Object({
    disposition: Disposition,
    name: Type.Optional(Name),
  }),
  headers: ContentHeaders,
  response: {
    200: Bytes('The whole content.'),
    206: Bytes('The ranges that were asked for.'),
    304: Type.Null({ description: 'What you have is still good.' }),
    ...problems(404, 409, 410, 412, 416, 423),
  },
};

export function fileContent(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'read', link: 'read' } } as const;
  app.get('/files/:uid/content', { config, schema }, async (request, reply) => {
    const { principal } = request;
    const { disposition = 'inline', name } = request.query;
    if (name !== undefined) checkName(name);
    const content = await core.files.findReadable(principal, parseUid(request.params.uid));
    if (principal.kind !== 'link') {
      return sendFile(request, reply, { content, downloads: core.downloads, disposition, name });
    }
    if (request.method === 'GET') await core.links.use(principal);
    const fixed = { disposition: principal.disposition };
    return sendFile(request, reply, { content, downloads: core.downloads, ...fixed });
  });
}
