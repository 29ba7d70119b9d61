import { Type } from 'typebox';
import { authorOf, checkAuthor } from '#core/access.ts';
import { parseHexDigest } from '#core/digests.ts';
import type { HttpServer } from '../../../http/server.ts';
import { BASE_PATH, type RestOptions } from '../../context.ts';
import { idempotencyKeyOf } from '../../idempotency-key.ts';
import { instantBody, newUploadBody } from '../../presenters.ts';
import { problems } from '../../problems.ts';
import { KeyHeaders, Md5, Name, ref, Sha256, Size, UploadBody } from '../../schemas.ts';
import { viewUpload } from '../../upload-view.ts';

const Body = Type.Object(
  {
    name: Name,
    size: Type.Optional(Size),
    sha256: Type.Optional(Sha256),
    md5: Type.Optional(Md5),
    instant: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'Make the file at once when content with this sha256 is here and may be used.',
      }),
    ),
  },
  { additionalProperties: false },
);

const schema = {
  operationId: 'createUpload',
  tags: ['uploads'],
  summary: 'Begin an upload',
  description:
    'What is declared here is checked when the upload completes. With `sha256`, content of yours that is here already becomes a file at once: state `completed`.',
  headers: KeyHeaders,
  body: Body,
  response: { 201: ref(UploadBody), 200: ref(UploadBody), ...problems(409, 413, 415) },
};

export function createUpload(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'write' } } as const;
  app.post('/uploads', { config, schema }, async (request, reply) => {
    const { instant = true, sha256, md5, ...rest } = request.body;
    const digests = {
      sha256: sha256 === undefined ? undefined : parseHexDigest(sha256, 'sha256'),
      md5: md5 === undefined ? undefined : parseHexDigest(md5, 'md5'),
    };
    const author = authorOf(request.principal);
    checkAuthor(author, rest.name);
    const content = { ...rest, ...digests };
    const wanted = { ...content, ...author };
    let made: UploadBody | undefined;
    const { uid, repeated } = await core.idempotency.once(
      author.owner,
      idempotencyKeyOf(request),
      { call: 'uploads.create', instant, owner: author.owner, ...content },
      async (remember) => {
        const mayBeHere = instant && digests.sha256 !== undefined;
        const file = mayBeHere ? await core.instantUpload.claim(wanted, request.abort, remember) : undefined;
        made = file
          ? instantBody(file, core, request.principal)
          : newUploadBody(await core.uploads.create(wanted, remember));
        return made.uid;
      },
    );
    reply.code(repeated ? 200 : 201).header('location', `${BASE_PATH}/uploads/${uid}`);
    return made ?? viewUpload(core, request.principal, uid);
  });
}
