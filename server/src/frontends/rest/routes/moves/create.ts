import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { moveBody } from '../../admin-presenters.ts';
import { Match, MoveBody } from '../../admin-schemas.ts';
import { BASE_PATH, type RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const Body = Type.Object(
  {
    from: Type.String({ minLength: 1 }),
    to: Type.String({ minLength: 1 }),
    match: Type.Optional(Match),
    bytesPerSecond: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Most bytes that are copied per second.' }),
    ),
  },
  { additionalProperties: false },
);

const schema = {
  operationId: 'createMove',
  tags: ['stores'],
  summary: 'Move content between stores',
  description:
    'Goes on in the background while files are read and uploaded. Each content is copied, read again from the new store and compared by SHA-256 before the copy counts. What arrives in `from` after this stays there.',
  body: Body,
  response: { 201: ref(MoveBody), ...problems(409, 413, 415) },
};

export function createMove(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.post('/moves', { config, schema }, async (request, reply) => {
    const { from, to, match = {}, bytesPerSecond } = request.body;
    const move = await core.moves.create({ from, to, match, bytesPerSecond }, callerOf(request));
    reply.code(201).header('location', `${BASE_PATH}/moves/${move.id}`);
    return moveBody(move);
  });
}
