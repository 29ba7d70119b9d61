import { Type } from 'typebox';
import { parseHexDigest } from '#core/digests.ts';
import { seenBy } from '#core/files.ts';
import { parseUid } from '#core/model/uid.ts';
import { MAX_PARTS } from '#core/model/upload.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { fileBody } from '../../presenters.ts';
import { problems } from '../../problems.ts';
import { FileBody, Md5, ref, Sha256, Size, UidParams } from '../../schemas.ts';

const Body = Type.Object(
  {
    parts: Type.Optional(
      Type.Integer({ minimum: 0, maximum: MAX_PARTS, description: 'How many there are.' }),
    ),
    size: Type.Optional(Size),
    sha256: Type.Optional(Sha256),
    md5: Type.Optional(Md5),
  },
  { additionalProperties: false, description: 'Every given fact is checked; the body may be left out.' },
);

const schema = {
  operationId: 'completeUpload',
  tags: ['uploads'],
  summary: 'Make the file',
  description:
    'The file can be read from this moment on; the digests of a file of several parts are verified in the background. Repeating it with the same facts is fine; a digest that was not given at first is a retryable 409 until it can be compared. Where something does not fit, the parts stay and you can go on.',
  params: UidParams,
  body: Body,
  response: { 200: ref(FileBody), ...problems(404, 409, 410, 413, 415, 422) },
};

export function completeUpload(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'write', link: 'write', person: true } } as const;
  app.post('/uploads/:uid/complete', { config, schema, preValidation: emptyWithoutBody }, async (request) => {
    const uid = parseUid(request.params.uid);
    const { parts, size, sha256, md5 } = request.body;
    const facts = {
      parts,
      size,
      sha256: sha256 === undefined ? undefined : parseHexDigest(sha256, 'sha256'),
      md5: md5 === undefined ? undefined : parseHexDigest(md5, 'md5'),
    };
    await core.uploads.find(request.principal, uid);
    const file = await core.uploads.complete(uid, facts);
    return fileBody(seenBy(request.principal, file), request.principal);
  });
}
