import type { HttpServer } from '../../../http/server.ts';
import { clusterBody } from '../../cluster-presenters.ts';
import { ClusterBody } from '../../cluster-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'getCluster',
  tags: ['cluster'],
  summary: 'Show the nodes of the cluster',
  description: 'With their load, the tasks they run and the stores as they find them.',
  response: { 200: ref(ClusterBody) },
};

export function getCluster(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/cluster', { config, schema }, async () => clusterBody(await core.cluster.status()));
}
