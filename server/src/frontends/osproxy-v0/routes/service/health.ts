import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { OPEN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';

const schema = {
  tags: ['osproxy-v0'],
  summary: 'Whether the process answers',
  response: answers(Type.String()),
};

export function health(scope: HttpServer): void {
  scope.get('/health', { schema, config: OPEN }, async () => ok('ok'));
}
