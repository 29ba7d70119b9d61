import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import type { TicketWish } from '#core/shares/tickets.ts';
import { publicBaseOf } from '../../../http/public-base.ts';
import { sendFile } from '../../../http/send-file.ts';
import type { HttpServer } from '../../../http/server.ts';
import { sendZip } from '../../../http/zip/send-zip.ts';
import { BASE_PATH, type RestOptions } from '../../context.ts';
import { driveZip } from '../../drive-zip.ts';
import { entryTag } from '../../entry-tag.ts';
import { personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { Bytes, ref } from '../../schemas.ts';
import { NewTicketBody, TicketBody } from '../../share-schemas.ts';

const create = {
  operationId: 'createTicket',
  tags: ['drive'],
  summary: 'Make a path that a browser can fetch by itself',
  description:
    'A browser that saves a file, or shows a film, sends no access token. The path is good for 60 seconds and one GET; for `show` for four hours and any number. It ends with the session.',
  body: NewTicketBody,
  response: { 201: ref(TicketBody), ...problems(404, 413, 415) },
};

const use = {
  operationId: 'useTicket',
  tags: ['drive'],
  summary: 'Fetch what a ticket is for',
  description: 'HEAD does not use it up.',
  params: Type.Object({ ticket: Type.String({ minLength: 1, maxLength: 100 }) }),
  response: {
    200: Bytes('The content or the ZIP.'),
    206: Bytes('The ranges that were asked for.'),
    304: Type.Null({ description: 'What you have is still good.' }),
    ...problems(404, 409, 412, 413, 416, 423),
  },
};

export function driveTickets(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const { drive, shares, downloads } = core;
  const person = { access: { kind: 'person' } } as const;
  app.post('/drive/tickets', { config: person, schema: create }, async (request, reply) => {
    const principal = personOf(request);
    const wish = wishOf(request.body);
    const ids = wish.kind === 'zip' ? wish.entryIds : [wish.entryId];
    await drive.tree.locateAll(principal.userId, ids);
    const { ticket, expiresAt } = await shares.tickets.create(principal, wish);
    const base = publicBaseOf(request, publicUrl) ?? '';
    reply.code(201);
    return {
      url: `${base}${BASE_PATH}/drive/tickets/${ticket}`,
      expiresAt: new Date(expiresAt).toISOString(),
    };
  });
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  app.get('/drive/tickets/:ticket', { config, schema: use }, async (request, reply) => {
    const { userId, wish } = await shares.tickets.redeem(request.params.ticket, request.method === 'GET');
    if (wish.kind === 'zip') {
      return sendZip(request, reply, await driveZip(core, userId, wish.entryIds, request.abort));
    }
    const entry = await drive.tree.find(userId, wish.entryId);
    const content = await drive.content(entry);
    const disposition = wish.kind === 'show' ? 'inline' : 'attachment';
    return sendFile(request, reply, { content, downloads, disposition, etag: entryTag(entry) });
  });
}

function wishOf({ kind, entries }: { kind: TicketWish['kind']; entries: readonly string[] }): TicketWish {
  if (kind === 'zip') return { kind, entryIds: entries };
  const [entryId] = entries;
  if (entryId !== undefined && entries.length === 1) return { kind, entryId };
  throw new OsproxyError('InvalidArgument', 'Only a ticket for a ZIP is for several entries.', {
    details: { field: 'entries' },
  });
}
