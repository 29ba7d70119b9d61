import { Type } from 'typebox';
import { authorOf } from '#core/access.ts';
import { parseHexDigest } from '#core/digests.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { V0Context } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { nameOfPath } from '../../paths.ts';

const MAX_ITEMS = 50;

const Item = Type.Object({ md5: Type.String(), path: Type.String() });
const Match = Type.Object({
  md5: Type.String(),
  uid: Type.String({ description: 'Empty where the content has to be uploaded.' }),
});

const schema = {
  tags: ['osproxy-v0'],
  summary: 'New files on verified content that is here already, one per distinct md5',
  body: Type.Object({ data: Type.Array(Item, { maxItems: MAX_ITEMS }) }),
  response: answers(Type.Array(Match)),
};

export function resume(scope: HttpServer, context: V0Context): void {
  const { core } = context;
  scope.post('/resume', { schema, config: context.keyed('write') }, async (request) => {
    const caller = context.callerOf(request);
    const author = authorOf(caller);
    const wanted = new Map<string, { md5: string; name: string }>();
    for (const [index, { md5, path }] of request.body.data.entries()) {
      const digest = parseHexDigest(md5, 'md5', `data[${index}].md5`);
      const name = nameOfPath(path, `data[${index}].path`);
      if (!wanted.has(digest)) wanted.set(digest, { md5, name });
    }
    const matches: { md5: string; uid: string }[] = [];
    try {
      for (const [digest, { md5, name }] of wanted) {
        const file = await core.instantUpload.claim({ ...author, name, md5: digest }, request.abort);
        matches.push({ md5, uid: file?.uid ?? '' });
      }
    } catch (error) {
      // Nobody will hear of the files made so far.
      const made = matches.filter(({ uid }) => uid !== '');
      await Promise.allSettled(made.map(({ uid }) => core.files.delete(caller, uid)));
      throw error;
    }
    return ok(matches);
  });
}
