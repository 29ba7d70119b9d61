import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Core } from '#core/core.ts';
import type { FileContent } from '#core/model/file.ts';
import type { ThumbnailFormat } from '#core/model/media.ts';
import { sendFile } from '../http/send-file.ts';
import { problems } from './problems.ts';
import { Bytes } from './schemas.ts';

/** Of a thumbnail that a browser may show again without asking. Seconds. */
const MAX_AGE = 300;

/** What the routes of thumbnails have in common. */
export const THUMBNAIL = {
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

interface ThumbnailOptions {
  /** Longest side, in pixels. */
  readonly box: number;
  readonly disposition: 'inline' | 'attachment';
  /** Called when there is a picture, before it is sent. */
  readonly found?: () => Promise<unknown>;
  /** Names the picture, by its format and size, where the uid of the file must not be seen. */
  readonly etagOf?: (variant: string) => string;
}

/** A smaller picture of an image that may be read. */
export async function sendThumbnail(
  core: Core,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  content: FileContent,
  { box, disposition, found, etagOf }: ThumbnailOptions,
) {
  const format = formatFor(request.headers.accept);
  const picture = await core.thumbnails.find(content, { box, format }, request.abort);
  await found?.();
  const { file } = content;
  const name = `${file.name.replace(/\.[^.]*$/, '')}.${format === 'jpeg' ? 'jpg' : format}`;
  const variant = `${format}-${box}`;
  reply.header('vary', 'accept');
  return sendFile(request, reply, {
    content: {
      file: { ...file, name, contentType: `image/${format}`, size: picture.file.size },
      parts: picture.parts,
    },
    downloads: core.downloads,
    disposition,
    variant,
    ...(etagOf === undefined ? {} : { etag: etagOf(variant) }),
    maxAgeSeconds: MAX_AGE,
  });
}

/** WebP only for those who name it: what takes any image may be older than WebP. */
function formatFor(accept = ''): ThumbnailFormat {
  return /image\/webp(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(accept) ? 'webp' : 'jpeg';
}
