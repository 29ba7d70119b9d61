import type { Core } from '#core/core.ts';
import { isOsproxyError } from '#core/errors.ts';
import { parseUid, type Uid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { nothing, problems } from '../../problems.ts';
import { UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'revokeFileLinks',
  tags: ['links'],
  summary: 'Revoke every link of a file',
  description: 'Links of the v0 interface included.',
  params: UidParams,
  response: { 204: nothing('No link opens the file any more.'), ...problems(404) },
};

export function revokeAllLinks(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'links' } } as const;
  app.delete('/files/:uid/links', { config, schema }, async (request, reply) => {
    const uid = parseUid(request.params.uid);
    await core.files.revokeSignedLinks(request.principal, uid);
    await revokeStored(core, uid);
    return reply.code(204).send(null);
  });
}

/** A listing holds at most 1000, so it is asked for until it is empty. */
async function revokeStored(core: Core, uid: Uid): Promise<void> {
  for (;;) {
    const links = await core.links.list(uid);
    if (links.length === 0) return;
    for (const { id } of links) {
      await core.links.revoke(uid, id).catch((error: unknown) => {
        // One that was removed meanwhile opens nothing either.
        if (!isOsproxyError(error, 'NotFound')) throw error;
      });
    }
  }
}
