import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { oneEntryBody } from '../../drive-presenters.ts';
import { Conflict, EntryId, EntryName } from '../../drive-schemas.ts';
import { AnswerBody } from '../../finding-schemas.ts';
import { personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'answerInstantUpload',
  tags: ['drive'],
  summary: 'Show that you have the content',
  description:
    'A right proof makes the file at once. `uploadRequired` means that the content has to be uploaded, and never why: it is not here, the proof is wrong, or the challenge was answered before, belongs to somebody else or is too old.',
  params: Type.Object({ id: Type.String({ pattern: '^[1-9][0-9]{0,18}$' }) }),
  body: Type.Object(
    {
      proof: Type.String({
        pattern: '^[0-9a-fA-F]{64}$',
        description: 'HMAC-SHA-256 under the nonce, of the bytes of the ranges in their order; hex.',
      }),
      parentId: EntryId,
      path: Type.Optional(
        Type.String({ maxLength: 40_000, description: 'Folders below `parentId`, with "/" between.' }),
      ),
      name: EntryName,
      conflict: Conflict,
    },
    { additionalProperties: false },
  ),
  response: { 201: ref(AnswerBody), 200: ref(AnswerBody), ...problems(404, 409, 413, 415, 507) },
};

export function answerChallenge(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'person' } } as const;
  app.post('/drive/instant-uploads/:id/answer', { config, schema }, async (request, reply) => {
    const { conflict = 'fail', ...rest } = request.body;
    const wanted = { ...rest, conflict };
    const entry = await core.known.proven.answer(personOf(request), request.params.id, wanted, request.abort);
    if (entry === undefined) return { state: 'uploadRequired' as const };
    reply.code(201);
    return { state: 'done' as const, entry: await oneEntryBody(core, entry) };
  });
}
