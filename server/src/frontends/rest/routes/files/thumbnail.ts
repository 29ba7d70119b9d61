import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { UidParams } from '../../schemas.ts';
import { sendThumbnail, THUMBNAIL } from '../../send-thumbnail.ts';

const schema = {
  operationId: 'getThumbnail',
  tags: ['files'],
  summary: 'Read a smaller picture of an image',
  description:
    'WebP where Accept names it, else JPEG; turned as EXIF says, without metadata, never enlarged. Made when it is first asked for. 415 with `details.reason` for what is no image, or was refused; 409 (to be tried again) while the content is being verified. Each GET through a link counts as one use.',
  params: UidParams,
  ...THUMBNAIL,
};

export function fileThumbnail(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'read', link: 'read' } } as const;
  app.get('/files/:uid/thumbnail', { config, schema }, async (request, reply) => {
    const { principal } = request;
    const { size: box = 256 } = request.query;
    const content = await core.files.findReadable(principal, parseUid(request.params.uid));
    return sendThumbnail(core, { request, reply }, content, {
      box,
      disposition: principal.kind === 'link' ? principal.disposition : 'inline',
      found: async () => {
        if (principal.kind === 'link' && request.method === 'GET') await core.links.use(principal);
      },
    });
  });
}
