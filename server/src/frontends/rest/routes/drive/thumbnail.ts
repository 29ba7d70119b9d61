import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { EntryParams } from '../../drive-schemas.ts';
import { entryTag } from '../../entry-tag.ts';
import { personOf } from '../../person.ts';
import { sendThumbnail, THUMBNAIL } from '../../send-thumbnail.ts';

const schema = {
  operationId: 'getEntryThumbnail',
  tags: ['drive'],
  summary: 'Read a smaller picture of an image',
  description:
    'WebP where Accept names it, else JPEG; turned as EXIF says, without metadata, never enlarged. 415 with `details.reason` for what is no image, or was refused; 409 (to be tried again) while the content is being verified.',
  params: EntryParams,
  ...THUMBNAIL,
};

export function entryThumbnail(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'person' } } as const;
  app.get('/drive/entries/:id/thumbnail', { config, schema }, async (request, reply) => {
    const { size: box = 256 } = request.query;
    const entry = await core.drive.tree.find(personOf(request).userId, request.params.id);
    const content = await core.drive.content(entry);
    const etagOf = (variant: string) => entryTag(entry, variant);
    return sendThumbnail(core, { request, reply }, content, { box, disposition: 'inline', etagOf });
  });
}
