import { Type } from 'typebox';
import { DEFAULT_OVERLAP_SECONDS, MOST_OVERLAP_SECONDS } from '#core/service-keys.ts';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { KeyParams, keyBody, NewKeyBody } from '../../key-schemas.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const Body = Type.Object(
  {
    overlapSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MOST_OVERLAP_SECONDS,
        default: DEFAULT_OVERLAP_SECONDS,
        description: 'How long the present secret stays good; 0 ends every earlier secret at once.',
      }),
    ),
  },
  { additionalProperties: false, description: 'The body may be left out.' },
);

const schema = {
  operationId: 'rotateKey',
  tags: ['keys'],
  summary: 'Give a service key another secret',
  description:
    'Id, scopes and limits stay. One former secret is good at a time: while there is one, 409, unless `overlapSeconds` is 0.',
  params: KeyParams,
  body: Body,
  response: { 200: ref(NewKeyBody), ...problems(404, 409, 413, 415) },
};

export function rotateKey(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.post('/keys/:id/rotate', { config, schema, preValidation: emptyWithoutBody }, async (request) => {
    const { overlapSeconds = DEFAULT_OVERLAP_SECONDS } = request.body;
    const { key, secret } = await core.keys.rotate(request.params.id, overlapSeconds, callerOf(request));
    return { ...keyBody(key, core.clock.now()), secret };
  });
}
