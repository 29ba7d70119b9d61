import type { HttpServer } from '../../../../http/server.ts';
import type { RestOptions } from '../../../context.ts';
import { ProviderListBody } from '../../../identity-schemas.ts';
import { ref } from '../../../schemas.ts';

const schema = {
  operationId: 'listSignInProviders',
  tags: ['accounts'],
  summary: 'Services that people may sign in with',
  response: { 200: ref(ProviderListBody) },
};

export function listProviders(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  app.get('/auth/providers', { config, schema }, async () => ({
    providers: core.signInWith.providers.list().map(({ name, title, type }) => ({ name, title, type })),
  }));
}
