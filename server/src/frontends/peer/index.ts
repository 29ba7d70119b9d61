import type { FastifyInstance } from 'fastify';
import type { PeerObjects } from '#core/cluster/peer-objects.ts';
import type { HttpServer } from '../http/server.ts';
import { answerErrors } from './errors.ts';
import { deleteObject } from './routes/objects/delete.ts';
import { getObject } from './routes/objects/get.ts';

/** What the other nodes of the cluster call; registered only where there is a cluster secret. */
export async function registerPeer(app: HttpServer, objects: PeerObjects): Promise<void> {
  await app.register(
    async (scope: HttpServer) => {
      answerErrors(scope as unknown as FastifyInstance);
      getObject(scope, objects);
      deleteObject(scope, objects);
    },
    { prefix: '/api/peer/v1' },
  );
}
