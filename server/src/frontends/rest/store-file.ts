import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Author, authorOf, checkAuthor } from '#core/access.ts';
import type { Core } from '#core/core.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Remember } from '#core/idempotency.ts';
import type { FileRecord } from '#core/model/file.ts';
import type { NewUpload } from '#core/uploads.ts';
import { noteUpload } from '../http/usage.ts';
import { BASE_PATH } from './context.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { fileBody } from './presenters.ts';
import type { FileBody } from './schemas.ts';

/**
 * Stores a file in one request, once per Idempotency-Key; `call` keeps the keys of different calls apart. Throws Conflict for a repeat
 * with other bytes than the first.
 */
export async function storeFile(
  core: Core,
  exchange: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  call: string,
  content: Omit<NewUpload, keyof Author>,
  chunks: AsyncIterable<Uint8Array>,
): Promise<FileBody> {
  const { request, reply } = exchange;
  const author = authorOf(request.principal);
  checkAuthor(author, content.name);
  const wanted = { owner: author.owner, ...content };
  let made: FileRecord | undefined;
  let wasRead = false;
  let sha256: string | undefined;
  const key = idempotencyKeyOf(request);
  const { uid, repeated } = await core.idempotency.once(
    wanted.owner,
    key,
    { call, ...wanted },
    async (remember) => {
      wasRead = true;
      const noting =
        remember &&
        noteDigest(remember, (digest) => {
          sha256 = digest;
        });
      made = await core.uploads.writeFile(
        { ...content, ...author },
        chunks,
        request.abort,
        noting,
        noteUpload(request),
      );
      return made.uid;
    },
  );
  const file = made ?? (await core.files.find(request.principal, uid)).file;
  if (!wasRead) {
    // A client that waits to be asked is not asked for bytes whose digest it has declared.
    const isKnown = request.raw.headers.expect !== undefined && wanted.sha256 === file.sha256;
    sha256 = isKnown ? file.sha256 : await core.uploads.digestOf(chunks, request.abort);
  }
  if (made === undefined && sha256 !== file.sha256) {
    throw new OsproxyError(
      'Conflict',
      'This Idempotency-Key was used before for a file with other content; use a new one.',
    );
  }
  reply.code(repeated ? 200 : 201).header('location', `${BASE_PATH}/files/${uid}`);
  return fileBody(file, request.principal);
}

/** The digest of what was sent is known even where another request with the same key came first. */
function noteDigest(remember: Remember, note: (sha256: string | undefined) => void): Remember {
  return (repositories, uid, sha256) => {
    note(sha256);
    return remember(repositories, uid, sha256);
  };
}
