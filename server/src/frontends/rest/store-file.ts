import type { FastifyReply, FastifyRequest } from 'fastify';
import { keyIdOf } from '#core/access.ts';
import type { Core } from '#core/core.ts';
import type { FileRecord } from '#core/model/file.ts';
import type { NewUpload } from '#core/uploads.ts';
import { BASE_PATH } from './context.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { fileBody } from './presenters.ts';
import { discardBody } from './raw-body.ts';
import type { FileBody } from './schemas.ts';

/** Stores a file in one request, once per Idempotency-Key; `call` keeps the keys of different calls apart. */
export async function storeFile(
  core: Core,
  exchange: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  call: string,
  wanted: NewUpload,
  chunks: AsyncIterable<Uint8Array>,
): Promise<FileBody> {
  const { request, reply } = exchange;
  let made: FileRecord | undefined;
  let wasRead = false;
  const key = idempotencyKeyOf(request);
  const { uid, repeated } = await core.idempotency.once(
    wanted.owner,
    key,
    { call, ...wanted },
    async (remember) => {
      wasRead = true;
      const keyed = { ...wanted, keyId: keyIdOf(request.principal) };
      made = await core.uploads.writeFile(keyed, chunks, request.abort, remember);
      return made.uid;
    },
  );
  if (!wasRead) await discardBody(request, chunks);
  const file = made ?? (await core.files.find(request.principal, uid)).file;
  reply.code(repeated ? 200 : 201).header('location', `${BASE_PATH}/files/${uid}`);
  return fileBody(file, request.principal);
}
