import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { visibleTo } from '#core/access.ts';
import { OsproxyError } from '#core/errors.ts';
import { cloudEvent } from '#core/events/cloud-event.ts';
import type { FeedPage } from '#core/events/event-feed.ts';
import { EVENT_TYPES } from '#core/model/event.ts';
import { Outlet } from '../../../http/outlet.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { EVENT_ID } from '../../event-schemas.ts';
import { problems } from '../../problems.ts';
import { serviceOf } from '../../service.ts';

/** Connections without traffic are cut by proxies after a minute or so. */
const QUIET_MS = 15_000;
/** How long a client waits before it connects again. */
const RETRY_MS = 3000;

const KNOWN = new Set<string>([...EVENT_TYPES, ...EVENT_TYPES.map((type) => `${type.split('.')[0]}.*`)]);

const schema = {
  operationId: 'readEvents',
  tags: ['events'],
  summary: 'Read events as they come',
  description:
    'Server-sent events: those of your files, of everything with the admin scope. Each has the form of CloudEvents. A client that was away goes on with `Last-Event-ID` or `after`; 410 says that what it missed has been removed already.',
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
    const query = {
      ...visibleTo(serviceOf(request.principal)),
      types: types === undefined ? undefined : knownTypes(types.split(',')),
      // What a client that connects again says by itself is newer than its address.
      after: lastEventId(request) ?? after,
      follow,
      quietMs: QUIET_MS,
    };
    const pages = core.feed.read(query, request.abort);
    const first = await pages.next();
    if (first.done === true || request.method === 'HEAD') {
      await pages.return(undefined);
      return reply.type('text/event-stream').send('');
    }
    await send(request, reply, first.value, pages, (page) => textOf(page, publicUrl));
    return reply;
  });
}

/** Never rejects: the answer has begun. Each page has left this process before the next is read, so that a slow client holds one page. */
async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  first: FeedPage,
  pages: AsyncGenerator<FeedPage>,
  text: (page: FeedPage) => string,
): Promise<void> {
  const { exchange } = request;
  try {
    if (exchange.reason !== undefined) return;
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      // nginx would keep small answers back.
      'x-accel-buffering': 'no',
      ...(exchange.lastOfConnection() ? { connection: 'close' } : {}),
    });
    const outlet = new Outlet(exchange, () => {});
    let open = await outlet.write(Buffer.from(`retry: ${RETRY_MS}\n${text(first)}`));
    while (open) {
      const next = await pages.next();
      if (next.done === true) break;
      open = await outlet.write(Buffer.from(text(next.value)));
    }
    if (open) reply.raw.end();
    else reply.raw.destroy();
  } catch (error) {
    if (exchange.reason === undefined) request.log.error({ err: error }, 'a stream of events broke off');
    reply.raw.destroy();
  } finally {
    await pages.return(undefined).catch(() => {});
  }
}

/** An id without data moves a client's position without telling it of anything. */
function textOf({ events, position }: FeedPage, source: string | undefined): string {
  const lines = events.map((event) => {
    const data = JSON.stringify(cloudEvent(event, source));
    return `id: ${event.position}\nevent: ${event.type}\ndata: ${data}\n\n`;
  });
  return `${lines.join('')}id: ${position}\n: here\n\n`;
}

function lastEventId(request: FastifyRequest): string | undefined {
  const id = request.headers['last-event-id'];
  if (id === undefined || id === '') return undefined;
  if (typeof id === 'string' && /^[0-9]{1,18}$/.test(id)) return id;
  throw new OsproxyError('InvalidArgument', 'The header Last-Event-ID must be the id of an event.', {
    details: { field: 'last-event-id' },
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
