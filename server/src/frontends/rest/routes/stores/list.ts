import type { HttpServer } from '../../../http/server.ts';
import { storeBody } from '../../admin-presenters.ts';
import { StoreListBody } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'listStores',
  tags: ['stores'],
  summary: 'List stores',
  description: 'With what is in them according to the database.',
  response: { 200: ref(StoreListBody) },
};

export function listStores(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/stores', { config, schema }, async () => ({ stores: (await core.stores.list()).map(storeBody) }));
}
