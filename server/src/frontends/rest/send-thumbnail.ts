import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Core } from '#core/core.ts';
import type { FileContent } from '#core/model/file.ts';
import type { ThumbnailFormat } from '#core/model/media.ts';
import { sendFile } from '../http/send-file.ts';

/** Of a thumbnail that a browser may show again without asking. Seconds. */
const MAX_AGE = 300;

export interface ThumbnailAnswer {
  readonly content: FileContent;
  readonly box: number;
  readonly disposition: 'inline' | 'attachment';
  readonly maxAgeSeconds?: number;
  /** Names the picture where the uid of the file must not be seen, from its format and size. */
  readonly etagOf?: (variant: string) => string;
  /** Awaited when the picture is there. */
  readonly use?: () => Promise<void>;
}

/** Answers GET and HEAD with a smaller picture of an image, made when it is first asked for. */
export async function sendThumbnail(
  request: FastifyRequest,
  reply: FastifyReply,
  core: Pick<Core, 'thumbnails' | 'downloads'>,
  answer: ThumbnailAnswer,
): Promise<void> {
  const { content, box, disposition, etagOf, use, maxAgeSeconds = MAX_AGE } = answer;
  const format = formatFor(request.headers.accept);
  const picture = await core.thumbnails.find(content, { box, format }, request.abort);
  await use?.();
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
    maxAgeSeconds,
  });
}

/** WebP only for those who name it: what takes any image may be older than WebP. */
function formatFor(accept = ''): ThumbnailFormat {
  return /image\/webp(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(accept) ? 'webp' : 'jpeg';
}
