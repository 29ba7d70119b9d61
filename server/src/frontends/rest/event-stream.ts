import type { FastifyReply, FastifyRequest } from 'fastify';
import { OsproxyError } from '#core/errors.ts';
import { cloudEvent } from '#core/events/cloud-event.ts';
import type { FeedPage } from '#core/events/event-feed.ts';
import { Outlet } from '../http/outlet.ts';

/** Connections without traffic are cut by proxies after a minute or so. */
export const QUIET_MS = 15_000;
/** How long a client waits before it connects again. */
const RETRY_MS = 3000;

/** Events as server-sent events; rejects only before the first page. */
export async function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  pages: AsyncGenerator<FeedPage>,
  source: string | undefined,
): Promise<FastifyReply> {
  const first = await pages.next();
  if (first.done === true || request.method === 'HEAD') {
    await pages.return(undefined);
    return reply.type('text/event-stream').send('');
  }
  await send(request, reply, first.value, pages, (page) => textOf(page, source));
  return reply;
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

/** The last event that a client which connects again has seen. */
export function lastEventId(request: FastifyRequest): string | undefined {
  const id = request.headers['last-event-id'];
  if (id === undefined || id === '') return undefined;
  if (typeof id === 'string' && /^[0-9]{1,18}$/.test(id)) return id;
  throw new OsproxyError('InvalidArgument', 'The header Last-Event-ID must be the id of an event.', {
    details: { field: 'last-event-id' },
  });
}
