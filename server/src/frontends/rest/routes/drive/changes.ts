import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { EVENT_ID } from '../../event-schemas.ts';
import { lastEventId, QUIET_MS, sendEvents } from '../../event-stream.ts';
import { personOf } from '../../person.ts';
import { problems } from '../../problems.ts';

const schema = {
  operationId: 'readChanges',
  tags: ['drive'],
  summary: 'Read changes of your drive as they come',
  description:
    'Server-sent events `entry.*` and `share.*`, each in the form of CloudEvents with the entry or share in `data`; what is in a folder goes with it and is not told of by itself. A client that was away goes on with `Last-Event-ID` or `after`; 410 says that what it missed is not kept any more: list the folders again. Ends with the session.',
  querystring: Type.Object({
    after: Type.Optional(
      Type.String({
        pattern: EVENT_ID,
        description: 'Id of the last change that is known; default: from now on.',
      }),
    ),
    follow: Type.Optional(
      Type.Boolean({ default: true, description: 'false ends the answer after the last change there is.' }),
    ),
  }),
  response: {
    200: { description: 'The stream.', content: { 'text/event-stream': { schema: Type.String() } } },
    ...problems(410),
  },
};

export function readChanges(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const config = { access: { kind: 'person' } } as const;
  app.get('/drive/changes', { config, schema }, async (request, reply) => {
    const { after, follow = true } = request.query;
    const person = personOf(request);
    const query = { after: lastEventId(request) ?? after, follow, quietMs: QUIET_MS, namePrefix: undefined };
    const pages = core.drive.changes.read(person, query, request.abort);
    return sendEvents(request, reply, pages, publicUrl);
  });
}
