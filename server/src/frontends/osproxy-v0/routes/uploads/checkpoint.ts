import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { V0Context } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { documentedOnly, type Query, uidOf } from '../../query.ts';

const schema = {
  tags: ['osproxy-v0'],
  summary: 'Numbers of the parts that an unfinished upload has',
  querystring: Type.Object({ uid: Type.String() }),
  response: answers(Type.Array(Type.Integer())),
};

export function checkpoint(scope: HttpServer, context: V0Context): void {
  const { core } = context;
  const options = { schema, config: context.keyed('write'), validatorCompiler: documentedOnly };
  scope.get('/checkpoint', options, async (request) => {
    const uid = uidOf(request.query as Query);
    const { upload, parts } = await core.uploads.status(context.callerOf(request), uid);
    if (upload.state === 'completed') return ok([]);
    if (upload.state === 'aborted' || upload.expiresAt <= core.clock.now()) {
      throw new OsproxyError('Expired', `Upload ${uid} was aborted or has expired; create a new one.`, {
        details: { uid },
      });
    }
    return ok(parts.map((part) => part.number));
  });
}
