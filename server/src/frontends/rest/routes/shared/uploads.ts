import { Type } from 'typebox';
import { parseHexDigest } from '#core/digests.ts';
import { OsproxyError } from '#core/errors.ts';
import type { HttpServer } from '../../../http/server.ts';
import { noteUpload } from '../../../http/usage.ts';
import type { RestOptions } from '../../context.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { partBody } from '../../presenters.ts';
import { nothing, problems, RECEIVING } from '../../problems.ts';
import { receiveRaw } from '../../raw-body.ts';
import { DigestHeaders, Md5, Name, PartBody, RawBody, ref, Sha256, Size } from '../../schemas.ts';
import {
  NewSharedFileBody,
  SharedUploadBody,
  SharedUploadParams,
  ShareHeaders,
  ShareParams,
} from '../../share-schemas.ts';
import { VISITOR, visitorOf } from '../../share-visitor.ts';

const visiting = { tags: ['shared'], params: SharedUploadParams, headers: ShareHeaders };
const sending = {
  headers: Type.Object({ ...DigestHeaders.properties, ...ShareHeaders.properties }),
  body: RawBody,
};
const digests = { sha256: Type.Optional(Sha256), md5: Type.Optional(Md5) };

const begin = {
  ...visiting,
  operationId: 'createSharedUpload',
  summary: 'Begin an upload into a shared folder',
  description:
    'Only into a share with the permission `upload`, against whose limit it counts from here on. A name that is taken gets a number, which is not told.',
  params: ShareParams,
  body: Type.Object({ name: Name, size: Size, ...digests }, { additionalProperties: false }),
  response: { 201: ref(SharedUploadBody), ...problems(404, 410, 413, 415, 507) },
};

const status = {
  ...visiting,
  operationId: 'getSharedUpload',
  summary: 'Which parts of an upload have arrived',
  response: { 200: ref(SharedUploadBody), ...problems(404, 410) },
};

const complete = {
  ...visiting,
  operationId: 'completeSharedUpload',
  summary: 'Make the file',
  body: Type.Object(digests, { additionalProperties: false }),
  response: { 204: nothing('The owner has it.'), ...problems(404, 409, 410, 413, 415, 422, 507) },
};

const abort = {
  ...visiting,
  operationId: 'abortSharedUpload',
  summary: 'Give up an upload',
  response: { 204: nothing('It is given up.'), ...problems(404, 409, 410) },
};

const part = {
  ...visiting,
  ...sending,
  operationId: 'writeSharedPart',
  summary: 'Send a part',
  description: 'As for every upload: in any order, in parallel, and again.',
  params: Type.Object({
    ...SharedUploadParams.properties,
    number: Type.Integer({ minimum: 1, maximum: 10_000 }),
  }),
  response: { 200: ref(PartBody), ...problems(404, 409, 410, ...RECEIVING) },
};

const whole = {
  ...visiting,
  ...sending,
  operationId: 'putSharedFile',
  summary: 'Put a file into a shared folder in one request',
  description: 'With a Content-Length. Counts when it has come.',
  params: Type.Object({ ...ShareParams.properties, name: Name }),
  response: { 201: ref(NewSharedFileBody), ...problems(404, 410, ...RECEIVING) },
};

export function uploadShared(app: HttpServer, { core }: RestOptions): void {
  const { uploads } = core.shares;
  app.post('/shared/:share/uploads', { config: VISITOR, schema: begin }, async (request, reply) => {
    const { name, size } = request.body;
    const { handle, upload } = await uploads.begin(visitorOf(request), {
      name,
      size,
      ...hexOf(request.body),
    });
    const { partSize, expiresAt } = upload;
    reply.code(201);
    return { upload: handle, partSize, parts: [], expiresAt: new Date(expiresAt).toISOString() };
  });
  app.get('/shared/:share/uploads/:upload', { config: VISITOR, schema: status }, async (request) => {
    const { upload: handle } = request.params;
    const { upload, parts } = await uploads.status(visitorOf(request), handle);
    const expiresAt = new Date(upload.expiresAt).toISOString();
    return { upload: handle, partSize: upload.partSize, parts: parts.map(partBody), expiresAt };
  });
  const completing = { config: VISITOR, schema: complete, preValidation: emptyWithoutBody };
  app.post('/shared/:share/uploads/:upload/complete', completing, async (request, reply) => {
    await uploads.complete(visitorOf(request), request.params.upload, hexOf(request.body));
    return reply.code(204).send(null);
  });
  app.delete('/shared/:share/uploads/:upload', { config: VISITOR, schema: abort }, async (request, reply) => {
    await uploads.abort(visitorOf(request), request.params.upload);
    return reply.code(204).send(null);
  });
}

/** Routes that read the body themselves. */
export function receiveShared(app: HttpServer, options: RestOptions): void {
  const { maxPartBytes, maxFileBytes, idleTimeoutMs } = options;
  const { uploads } = options.core.shares;
  app.put(
    '/shared/:share/uploads/:upload/parts/:number',
    { config: VISITOR, schema: part },
    async (request) => {
      const { upload, number } = request.params;
      const caller = visitorOf(request);
      await uploads.status(caller, upload);
      const { body: input, expect } = receiveRaw(request, { maxBytes: maxPartBytes, idleTimeoutMs });
      const receiving = { signal: request.abort, note: noteUpload(request) };
      return partBody(await uploads.writePart(caller, upload, { number, input, expect }, receiving));
    },
  );
  app.put('/shared/:share/files/:name', { config: VISITOR, schema: whole }, async (request, reply) => {
    const { body, expect } = receiveRaw(request, { maxBytes: maxFileBytes, idleTimeoutMs });
    const { size, sha256, md5 } = expect;
    if (size === undefined) {
      throw new OsproxyError('InvalidArgument', 'This call needs the header Content-Length.', {
        details: { field: 'Content-Length' },
      });
    }
    const { name } = request.params;
    const receiving = { signal: request.abort, note: noteUpload(request) };
    await uploads.write(visitorOf(request), { name, size, sha256, md5 }, body, receiving);
    return reply.code(201).send({ name, size });
  });
}

function hexOf({ sha256, md5 }: { readonly sha256?: string; readonly md5?: string }) {
  return {
    sha256: sha256 === undefined ? undefined : parseHexDigest(sha256, 'sha256'),
    md5: md5 === undefined ? undefined : parseHexDigest(md5, 'md5'),
  };
}
