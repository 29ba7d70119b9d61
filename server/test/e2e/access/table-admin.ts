import { administrators, type Row } from './expected.ts';
import { type Call, V1 } from './world.ts';

const NO_KEY = `${V1}/keys/aaaaaaaaaaaa`;

function row(call: Call, admin = 200): Row {
  return { call: () => call, expected: administrators(admin) };
}

/** Service keys, groups and the audit log. */
export const ADMIN_TABLE: Readonly<Record<string, Row>> = {
  'GET /api/v1/audit': row({ method: 'GET', path: `${V1}/audit` }),
  'GET /api/v1/audit.csv': row({ method: 'GET', path: `${V1}/audit.csv` }),
  'GET /api/v1/groups': row({ method: 'GET', path: `${V1}/groups` }),
  'POST /api/v1/groups': row(
    { method: 'POST', path: `${V1}/groups`, json: { name: 'made', store: 'none' } },
    400,
  ),
  'GET /api/v1/groups/:id': row({ method: 'GET', path: `${V1}/groups/5` }, 404),
  'PATCH /api/v1/groups/:id': row({ method: 'PATCH', path: `${V1}/groups/5`, json: {} }, 404),
  'DELETE /api/v1/groups/:id': row({ method: 'DELETE', path: `${V1}/groups/5` }, 404),
  'GET /api/v1/keys': row({ method: 'GET', path: `${V1}/keys` }),
  'POST /api/v1/keys': row(
    { method: 'POST', path: `${V1}/keys`, json: { name: 'made', scopes: ['read'] } },
    201,
  ),
  'GET /api/v1/keys/:id': row({ method: 'GET', path: NO_KEY }, 404),
  'DELETE /api/v1/keys/:id': row({ method: 'DELETE', path: NO_KEY }, 404),
  'POST /api/v1/keys/:id/rotate': row({ method: 'POST', path: `${NO_KEY}/rotate` }, 404),
};
