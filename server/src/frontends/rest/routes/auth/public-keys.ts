import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';

const schema = {
  operationId: 'publicKeys',
  tags: ['accounts'],
  summary: 'Keys that check access tokens',
  description:
    'A JSON Web Key Set (RFC 7517), the newest first. It says who signed a token, not whether its session goes on.',
  security: [],
  response: {
    200: Type.Object(
      { keys: Type.Array(Type.Record(Type.String(), Type.String())) },
      { description: 'The key set.' },
    ),
  },
};

/** Stands outside of the REST interface, where verifiers look for it. */
export function publicKeys(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  app.get('/.well-known/jwks.json', { config, schema }, async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=300');
    return core.accounts.publicKeys() as { keys: Record<string, string>[] };
  });
}
