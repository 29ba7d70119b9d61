import { Type } from 'typebox';
import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { Bytes, UidParams } from '../../schemas.ts';
import { sendThumbnail } from '../../send-thumbnail.ts';

const schema = {
  operationId: 'getThumbnail',
  tags: ['files'],
  summary: 'Read a smaller picture of an image',
  description:
    'WebP where Accept names it, else JPEG; turned as EXIF says, without metadata, never enlarged. Made when it is first asked for. 415 with `details.reason` for what is no image, or was refused; 409 (to be tried again) while the content is being verified. Each GET through a link counts as one use.',
  params: UidParams,
  querystring: Type.Object({
    size: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 4096,
        default: 256,
        description: 'Longest side, in pixels; one of the sizes of the configuration.',
      }),
    ),
  }),
  response: {
    200: Bytes('The picture.'),
    206: Bytes('The ranges that were asked for.'),
    304: Type.Null({ description: 'What you have is still good.' }),
    ...problems(404, 409, 410, 412, 415, 416, 423),
  },
};

export function fileThumbnail(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'read', link: 'read' } } as const;
  app.get('/files/:uid/thumbnail', { config, schema }, async (request, reply) => {
    const { principal } = request;
    const { size: box = 256 } = request.query;
    const content = await core.files.findReadable(principal, parseUid(request.params.uid));
    const isLink = principal.kind === 'link';
    return sendThumbnail(request, reply, core, {
      ...{ content, box, disposition: isLink ? principal.disposition : 'inline' },
      use: async () => {
        if (isLink && request.method === 'GET') await core.links.use(principal);
      },
    });
  });
}
