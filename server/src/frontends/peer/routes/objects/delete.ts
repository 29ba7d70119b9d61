import { Type } from 'typebox';
import type { PeerObjects } from '#core/cluster/peer-objects.ts';
import { PROOF_HEADER } from '#core/cluster/peer-signature.ts';
import type { HttpServer } from '../../../http/server.ts';
import { ObjectParams, peerOf } from '../../object-path.ts';

const schema = { hide: true, params: ObjectParams, response: { 204: Type.Null() } };

export function deleteObject(scope: HttpServer, objects: PeerObjects): void {
  const config = { access: { kind: 'peer' } } as const;
  scope.delete('/objects/:store/*', { config, schema }, async (request, reply) => {
    const peer = peerOf(request.principal);
    await objects.delete(request.params.store, request.params['*'], request.abort);
    reply.code(204).header(PROOF_HEADER, peer.prove({ status: 204, code: '', size: undefined }));
    return null;
  });
}
