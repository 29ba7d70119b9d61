import { Type } from 'typebox';
import type { ThumbnailFormat } from '#core/model/media.ts';
import { parseUid } from '#core/model/uid.ts';
import { sendFile } from '../../../http/send-file.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { Bytes, UidParams } from '../../schemas.ts';

/** Of a thumbnail that a browser may show again without asking. Seconds. */
const MAX_AGE = 300;

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
    const format = formatFor(request.headers.accept);
    const content = await core.files.findReadable(principal, parseUid(request.params.uid));
    const picture = await core.thumbnails.find(content, { box, format }, request.abort);
    if (principal.kind === 'link' && request.method === 'GET') await core.links.use(principal);
    const { file } = content;
    const name = `${file.name.replace(/\.[^.]*$/, '')}.${format === 'jpeg' ? 'jpg' : format}`;
    reply.header('vary', 'accept');
    return sendFile(request, reply, {
      content: {
        file: { ...file, name, contentType: `image/${format}`, size: picture.file.size },
        parts: picture.parts,
      },
      downloads: core.downloads,
      disposition: principal.kind === 'link' ? principal.disposition : 'inline',
      variant: `${format}-${box}`,
      maxAgeSeconds: MAX_AGE,
    });
  });
}

/** WebP only for those who name it: what takes any image may be older than WebP. */
function formatFor(accept = ''): ThumbnailFormat {
  return /image\/webp(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(accept) ? 'webp' : 'jpeg';
}
