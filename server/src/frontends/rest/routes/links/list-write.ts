import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { linkBody } from '../../presenters.ts';
import { problems } from '../../problems.ts';
import { LinkListBody, ref, UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'listUploadLinks',
  tags: ['links'],
  summary: 'List the links of an upload',
  description: 'At most 1000, without their tokens; once it is complete, those of its file too.',
  params: UidParams,
  response: { 200: ref(LinkListBody), ...problems(404) },
};

export function listWriteLinks(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'links' } } as const;
  app.get('/uploads/:uid/links', { config, schema }, async (request) => {
    const uid = parseUid(request.params.uid);
    await core.uploads.find(request.principal, uid);
    return { links: (await core.links.list(uid)).map(linkBody) };
  });
}
