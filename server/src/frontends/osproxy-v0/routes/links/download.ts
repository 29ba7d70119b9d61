import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { V0Context } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { objectNameOf } from '../../signed-links.ts';

const MAX_UIDS = 200;

const Link = Type.Object({
  uid: Type.String(),
  url: Type.String({ description: 'GET or HEAD.' }),
  meta: Type.Object({
    srcName: Type.String(),
    dstName: Type.String(),
    height: Type.Integer(),
    width: Type.Integer(),
    md5: Type.String({ description: 'Empty where it is not known.' }),
    size: Type.String({ description: 'Bytes, as a decimal number.' }),
  }),
});

export function downloadLinks(scope: HttpServer, context: V0Context): void {
  const { core, links, maxExpireSeconds } = context;
  const schema = {
    tags: ['osproxy-v0'],
    summary: 'Signed download links, one per uid in the order asked',
    body: Type.Object({
      uid: Type.Array(Type.String(), { maxItems: MAX_UIDS }),
      expire: Type.Integer({ minimum: 1, maximum: maxExpireSeconds, description: 'Seconds.' }),
    }),
    response: answers(Type.Array(Link)),
  };
  scope.post('/link/download', { schema, config: context.keyed('read') }, async (request) => {
    const { uid: asked, expire } = request.body;
    const uids = asked.map((uid, index) => parseUid(uid, `uid[${index}]`));
    const files = await core.files.findMany(context.callerOf(request), uids);
    const term = links.term(expire);
    const media = await core.media.ofMany([...files.values()]);
    const found = uids.map((uid) => {
      const file = files.get(uid);
      if (file === undefined) {
        throw new OsproxyError('NotFound', `There is no file ${uid}.`, { details: { uid } });
      }
      const { name, md5, size } = file;
      const { height = 0, width = 0 } = media.get(uid)?.facts ?? {};
      const meta = { srcName: name, dstName: objectNameOf(file), height, width };
      const url = links.downloadUrl(file, term);
      return { uid, url, meta: { ...meta, md5: md5 ?? '', size: String(size) } };
    });
    return ok(found);
  });
}
