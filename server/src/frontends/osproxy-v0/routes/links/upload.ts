import { Type } from 'typebox';
import { authorOf } from '#core/access.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { V0Context } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { nameWithExtension } from '../../paths.ts';

const MAX_PATHS = 50;

const Link = Type.Object({
  uid: Type.String(),
  path: Type.String({ description: 'As it was asked.' }),
  url: Type.Object({
    single: Type.String({ description: 'PUT the whole file here.' }),
    multi: Type.Object({
      upload: Type.String({ description: 'PUT parts here.' }),
      merge: Type.String({ description: 'PUT here when every part is stored.' }),
    }),
  }),
});

export function uploadLinks(scope: HttpServer, context: V0Context): void {
  const { core, links, defaultExpireSeconds, maxExpireSeconds } = context;
  const schema = {
    tags: ['osproxy-v0'],
    summary: 'Signed links for new uploads, one per distinct path',
    body: Type.Object({
      filePath: Type.Array(Type.String(), { maxItems: MAX_PATHS }),
      expire: Type.Optional(Type.Integer({ minimum: 1, maximum: maxExpireSeconds, description: 'Seconds.' })),
    }),
    response: answers(Type.Array(Link)),
  };
  scope.post('/link/upload', { schema, config: context.keyed('write') }, async (request) => {
    const { filePath, expire } = request.body;
    const caller = context.callerOf(request);
    const author = authorOf(caller);
    const names = new Map<string, string>();
    for (const [index, path] of filePath.entries()) {
      if (!names.has(path)) names.set(path, nameWithExtension(path, `filePath[${index}]`));
    }
    const term = links.term(expire ?? defaultExpireSeconds);
    const wanted = [...names.values()].map((name) => ({ ...author, name, notBefore: term.until }));
    const uploads = wanted.length === 0 ? [] : await core.uploads.createMany(wanted);
    const paths = [...names.keys()];
    return ok(
      uploads.map(({ uid }, index) => ({ uid, path: paths[index] ?? '', url: links.uploadUrls(uid, term) })),
    );
  });
}
