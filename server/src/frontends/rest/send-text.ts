import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Core } from '#core/core.ts';
import type { FileContent } from '#core/model/file.ts';
import type { Charset } from '#core/previews/decode-text.ts';

interface TextOptions {
  readonly content: FileContent;
  readonly charset: Charset | undefined;
  /** Called before a text that is all of the file is sent. */
  readonly beforeWhole?: () => Promise<void>;
}

/** Answers with the beginning of a file as text in UTF-8, in which a browser finds nothing to run. */
export async function sendText(
  request: FastifyRequest,
  reply: FastifyReply,
  core: Pick<Core, 'shares'>,
  { content, charset, beforeWhole }: TextOptions,
): Promise<FastifyReply> {
  const preview = await core.shares.texts.of(content, charset, request.abort);
  if (!preview.truncated && request.method === 'GET') await beforeWhole?.();
  return reply
    .headers({
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': 'inline',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'referrer-policy': 'no-referrer',
      'x-text-charset': preview.charset,
      'x-text-truncated': String(preview.truncated),
    })
    .send(preview.text);
}
