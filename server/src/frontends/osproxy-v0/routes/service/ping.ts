import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import type { HttpServer } from '../../../http/server.ts';
import { OPEN, type V0Context } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';

const schema = {
  tags: ['osproxy-v0'],
  summary: 'Whether the service can reach its database and cache',
  response: answers(Type.String()),
};

export function ping(scope: HttpServer, context: V0Context): void {
  scope.get('/ping', { schema, config: OPEN }, async () => {
    await context.ping().catch((cause: unknown) => {
      throw new OsproxyError('Unavailable', 'The database or the cache does not answer; try again.', {
        cause,
      });
    });
    return ok('pong');
  });
}
