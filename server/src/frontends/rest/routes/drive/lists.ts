import { Type } from 'typebox';
import type { TimePlace } from '#core/ports/metadata/entries.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { decodePlace, encodePlace, entriesBody, isTimePlace } from '../../drive-presenters.ts';
import { EntryListBody, PageQuery } from '../../drive-schemas.ts';
import { personOf } from '../../person.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

function schemaOf(operationId: string, summary: string) {
  return {
    ...{ operationId, tags: ['drive'], summary },
    description: 'What is in the trash is left out. A page can be short and not the last: `next` says so.',
    querystring: Type.Object(PageQuery),
    response: { 200: ref(EntryListBody) },
  };
}

export function listRecent(app: HttpServer, { core }: RestOptions): void {
  const schema = schemaOf('listRecent', 'List files by the time of their content, the last first');
  app.get('/drive/recent', { config, schema }, async (request) => {
    const { cursor, limit = 100 } = request.query;
    const after = decodePlace<TimePlace>(cursor, isTimePlace);
    const { entries, next } = await core.drive.lists.recent(personOf(request).userId, after, limit);
    return { entries: await entriesBody(core, entries), next: encodePlace(next) };
  });
}

export function listFavourites(app: HttpServer, { core }: RestOptions): void {
  const schema = schemaOf('listFavourites', 'List what has a star, the last one first');
  app.get('/drive/favourites', { config, schema }, async (request) => {
    const { cursor, limit = 100 } = request.query;
    const after = decodePlace<TimePlace>(cursor, isTimePlace);
    const { entries, next } = await core.drive.lists.starred(personOf(request).userId, after, limit);
    return { entries: await entriesBody(core, entries), next: encodePlace(next) };
  });
}
