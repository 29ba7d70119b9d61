import { everybody, people, type Row } from './expected.ts';
import { V1 } from './world.ts';

/** A share that never was. */
const SHARED = `${V1}/shared/${'A'.repeat(32)}`;

function row(expected: Row['expected'], method: string, path: string, json?: object): Row {
  return { call: () => ({ method, path, ...(json === undefined ? {} : { json }) }), expected };
}

/** A visitor shows nothing but the share, so everybody is told the same; shares.test.ts asks with shares that there are. */
const shared = (path: string) => row(everybody(404), 'GET', `${SHARED}${path}`);

/** Shares for their owners and visitors, previews, ZIPs and tickets. */
export const SHARES_TABLE: Readonly<Record<string, Row>> = {
  'POST /api/v1/shares': row(people(404), 'POST', `${V1}/shares`, { entry: '5' }),
  'GET /api/v1/shares': row(people(200), 'GET', `${V1}/shares`),
  'GET /api/v1/shares/:id': row(people(404), 'GET', `${V1}/shares/5`),
  'PATCH /api/v1/shares/:id': row(people(404), 'PATCH', `${V1}/shares/5`, {}),
  'DELETE /api/v1/shares/:id': row(people(404), 'DELETE', `${V1}/shares/5`),
  'GET /api/v1/shared/:share': shared(''),
  'POST /api/v1/shared/:share/unlock': row(everybody(404), 'POST', `${SHARED}/unlock`, { password: 'x' }),
  'GET /api/v1/shared/:share/entries': shared('/entries'),
  'GET /api/v1/shared/:share/entries/:id': shared('/entries/5'),
  'GET /api/v1/shared/:share/preview': shared('/preview'),
  'GET /api/v1/shared/:share/content': shared('/content'),
  'GET /api/v1/shared/:share/zip': shared('/zip'),
  'GET /api/v1/shared/:share/thumbnail': shared('/thumbnail'),
  'GET /api/v1/shared/:share/text': shared('/text'),
  'POST /api/v1/shared/:share/uploads': row(everybody(404), 'POST', `${SHARED}/uploads`, {
    ...{ name: 'x', size: 1 },
  }),
  'GET /api/v1/shared/:share/uploads/:upload': shared('/uploads/5.x'),
  'DELETE /api/v1/shared/:share/uploads/:upload': row(everybody(404), 'DELETE', `${SHARED}/uploads/5.x`),
  'POST /api/v1/shared/:share/uploads/:upload/complete': row(
    ...([everybody(404), 'POST', `${SHARED}/uploads/5.x/complete`, {}] as const),
  ),
  'PUT /api/v1/shared/:share/uploads/:upload/parts/:number': {
    call: () => ({ method: 'PUT', path: `${SHARED}/uploads/5.x/parts/1`, body: 'x' }),
    expected: everybody(404),
  },
  'PUT /api/v1/shared/:share/files/:name': {
    call: () => ({ method: 'PUT', path: `${SHARED}/files/x`, body: 'x' }),
    expected: everybody(404),
  },
  'GET /api/v1/drive/entries/:id/preview': row(people(404), 'GET', `${V1}/drive/entries/5/preview`),
  'GET /api/v1/drive/entries/:id/text': row(people(404), 'GET', `${V1}/drive/entries/5/text`),
  'POST /api/v1/drive/zip': row(people(404), 'POST', `${V1}/drive/zip`, { entries: ['5'] }),
  'POST /api/v1/drive/tickets': row(people(404), 'POST', `${V1}/drive/tickets`, {
    ...{ kind: 'content', entries: ['5'] },
  }),
  'GET /api/v1/drive/tickets/:ticket': row(everybody(404), 'GET', `${V1}/drive/tickets/${'A'.repeat(43)}`),
};
