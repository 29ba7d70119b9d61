import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { KeyBody, KeyListBody, KeyParams, keyBody } from '../../key-schemas.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'service', scope: 'admin' } } as const;

const listSchema = {
  operationId: 'listKeys',
  tags: ['keys'],
  summary: 'List service keys',
  description: 'Those that are over too. The key of the configuration is not among them.',
  response: { 200: ref(KeyListBody) },
};

const getSchema = {
  operationId: 'getKey',
  tags: ['keys'],
  summary: 'What is known about a service key',
  description: 'Never its secret.',
  params: KeyParams,
  response: { 200: ref(KeyBody), ...problems(404) },
};

export function listKeys(app: HttpServer, { core }: RestOptions): void {
  app.get('/keys', { config, schema: listSchema }, async () => {
    const now = core.clock.now();
    return { keys: (await core.keys.list()).map((key) => keyBody(key, now)) };
  });
}

export function getKey(app: HttpServer, { core }: RestOptions): void {
  app.get('/keys/:id', { config, schema: getSchema }, async ({ params }) =>
    keyBody(await core.keys.find(params.id), core.clock.now()),
  );
}
