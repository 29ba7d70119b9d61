import { Type } from 'typebox';
import { parseMoment } from '#core/audit/moment.ts';
import { DEFAULT_OWNER, MOST_PREFIX } from '#core/key-rules.ts';
import { SCOPES } from '#core/model/principal.ts';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { BASE_PATH, type RestOptions } from '../../context.ts';
import { keyBody, NewKeyBody } from '../../key-schemas.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const Body = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100, description: 'What the key is for.' }),
    owner: Type.Optional(
      Type.String({ maxLength: 64, default: DEFAULT_OWNER, description: 'Whose files it sees.' }),
    ),
    scopes: Type.Array(Type.Enum([...SCOPES]), {
      minItems: 1,
      maxItems: SCOPES.length,
      description: '`admin` has every other one and sees the files of everybody.',
    }),
    expiresAt: Type.Optional(
      Type.String({ maxLength: 40, description: 'Never, without it.', examples: ['2027-01-31T12:00:00Z'] }),
    ),
    store: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'A configured store that everything it sends goes to.',
      }),
    ),
    namePrefix: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MOST_PREFIX,
        description: 'It sees and makes only files whose name begins so, character by character.',
      }),
    ),
  },
  { additionalProperties: false },
);

const schema = {
  operationId: 'createKey',
  tags: ['keys'],
  summary: 'Make a service key',
  description: 'The secret is in this answer and nowhere else. A key with the scope `admin` takes no limits.',
  body: Body,
  response: { 201: ref(NewKeyBody), ...problems(413, 415) },
};

export function createKey(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.post('/keys', { config, schema }, async (request, reply) => {
    const { owner = DEFAULT_OWNER, expiresAt, ...rest } = request.body;
    const wanted = { ...rest, owner, expiresAt: parseMoment(expiresAt, 'expiresAt') };
    const { key, secret } = await core.keys.create(wanted, callerOf(request));
    reply.code(201).header('location', `${BASE_PATH}/keys/${key.id}`);
    return { ...keyBody(key, core.clock.now()), secret };
  });
}
