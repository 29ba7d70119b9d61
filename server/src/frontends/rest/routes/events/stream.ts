import { Type } from 'typebox';
import { visibleTo } from '#core/access.ts';
import { OsproxyError } from '#core/errors.ts';
import { EVENT_TYPES } from '#core/model/event.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { EVENT_ID } from '../../event-schemas.ts';
import { lastEventId, QUIET_MS, sendEvents } from '../../event-stream.ts';
import { problems } from '../../problems.ts';
import { serviceOf } from '../../service.ts';

const KNOWN = new Set<string>([...EVENT_TYPES, ...EVENT_TYPES.map((type) => `${type.split('.')[0]}.*`)]);

const schema = {
  operationId: 'readEvents',
  tags: ['events'],
  summary: 'Read events as they come',
  description:
    'Server-sent events: those of your files, of everything with the admin scope. Each has the form of CloudEvents. A client that was away goes on with `Last-Event-ID` or `after`; 410 says that what it missed has been removed already. Ends when the key is revoked or expires.',
  querystring: Type.Object({
    after: Type.Optional(
      Type.String({
        pattern: EVENT_ID,
        description:
          'Id of the last event that is known; without it and `Last-Event-ID` what comes from now on.',
      }),
    ),
    types: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1000,
        description: 'Event types, separated by commas; `file.*` stands for all of that group.',
        examples: ['file.ready,link.*'],
      }),
    ),
    follow: Type.Optional(
      Type.Boolean({ default: true, description: 'false ends the answer after the last event there is.' }),
    ),
  }),
  response: {
    200: {
      description: 'The stream.',
      content: { 'text/event-stream': { schema: Type.String() } },
    },
    ...problems(410),
  },
};

export function streamEvents(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'read' } } as const;
  app.get('/events', { config, schema }, async (request, reply) => {
    const { after, types, follow = true } = request.query;
    const service = serviceOf(request.principal);
    const query = {
      ...visibleTo(service),
      types: types === undefined ? undefined : knownTypes(types.split(',')),
      // What a client that connects again says by itself is newer than its address.
      after: lastEventId(request) ?? after,
      follow,
      quietMs: QUIET_MS,
    };
    const pages = core.feed.read(query, () => core.keys.goesOn(service), request.abort);
    return sendEvents(request, reply, pages, publicUrl);
  });
}

function knownTypes(types: readonly string[]): readonly string[] {
  const unknown = types.find((type) => !KNOWN.has(type));
  if (unknown === undefined) return types;
  throw new OsproxyError(
    'InvalidArgument',
    `Query parameter "types" names "${unknown}"; it must be made of ${[...KNOWN].join(', ')}.`,
    { details: { field: 'types' } },
  );
}
