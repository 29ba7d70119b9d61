import { Type } from 'typebox';
import { ENTRY_KINDS } from '#core/model/entry.ts';
import { PLACES, type Place } from '#core/search/name-tokens.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { decodePlace, encodePlace } from '../../drive-presenters.ts';
import { EntryId } from '../../drive-schemas.ts';
import { foundBody } from '../../finding-presenters.ts';
import { SearchBody } from '../../finding-schemas.ts';
import { personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

interface Cursor {
  readonly value: Place;
  readonly id: string;
}

const schema = {
  operationId: 'searchNames',
  tags: ['drive'],
  summary: 'Search in names',
  description:
    'All words of `q` must be in the name, in any order and anywhere in it; upper and lower case are the same. Best first: the name itself, names that begin with it, words that do, then the rest; the newest entry first among equals. What is in the trash is never found.',
  querystring: Type.Object({
    q: Type.Optional(
      Type.String({
        maxLength: 1020,
        description: 'Never left out; at most 255 characters. One alone is looked for at the begin of names.',
        examples: ['report 2026'],
      }),
    ),
    kind: Type.Optional(Type.Enum([...ENTRY_KINDS])),
    within: Type.Optional(EntryId),
    changedAfter: Type.Optional(
      Type.String({
        pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$',
        description: 'Only what has changed since this time.',
        examples: ['2026-01-31T12:00:00Z'],
      }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 4096, description: '`next` of the page before.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  }),
  response: { 200: ref(SearchBody), ...problems(404) },
};

export function searchNames(app: HttpServer, { core }: RestOptions): void {
  app.get('/drive/search', { config: { access: { kind: 'person' } }, schema }, async (request) => {
    const { q: text = '', kind, within, changedAfter, cursor, limit = 50 } = request.query;
    const person = personOf(request);
    const at = decodePlace<Cursor>(cursor, ({ value }) => PLACES.some((one) => one === value));
    const after = at && { place: at.value, id: at.id };
    const since = changedAfter === undefined ? undefined : Date.parse(changedAfter);
    const filters = { kind, within, changedAfter: since };
    const { found, next } = await core.search.search(person, { text, ...filters, after, limit });
    return {
      entries: await foundBody(core, found),
      next: encodePlace(next && { value: next.place, id: next.id }),
    };
  });
}
