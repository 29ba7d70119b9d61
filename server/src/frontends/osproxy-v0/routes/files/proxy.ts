import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { V0Context } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { documentedOnly, type Query, uidOf } from '../../query.ts';

const schema = {
  tags: ['osproxy-v0'],
  summary: 'The address of this node, if it holds the bytes of the file itself',
  querystring: Type.Object({ uid: Type.String() }),
  response: answers(Type.String()),
};

export function proxy(scope: HttpServer, context: V0Context): void {
  const { core, isLocal, nodeAddress } = context;
  const options = { schema, config: context.keyed('read'), validatorCompiler: documentedOnly };
  scope.get('/proxy', options, async (request) => {
    const uid = uidOf(request.query as Query);
    const content = await core.files.find(context.callerOf(request), uid);
    if (isLocal(content)) return ok(nodeAddress());
    throw new OsproxyError('NotFound', `This node does not hold the bytes of file ${uid}.`, {
      details: { uid },
    });
  });
}
