import { everybody, PUBLIC, people, type Row } from './expected.ts';
import { V1 } from './world.ts';

function call(method: string, path: string, json?: object): Row['call'] {
  return () => ({ method, path: `${V1}${path}`, ...(json === undefined ? {} : { json }) });
}

/** Sign-in with other services. The service of this test has no provider, so that nothing changes. */
export const IDENTITIES_TABLE: Readonly<Record<string, Row>> = {
  'GET /api/v1/auth/providers': { call: call('GET', '/auth/providers'), expected: PUBLIC },
  'GET /api/v1/auth/providers/:provider/begin': {
    call: call('GET', '/auth/providers/none/begin'),
    expected: everybody(404),
    noHead: true,
  },
  'GET /api/v1/auth/providers/:provider/callback': {
    call: call('GET', '/auth/providers/none/callback'),
    expected: everybody(404),
    noHead: true,
  },
  'POST /api/v1/auth/exchange': {
    call: call('POST', '/auth/exchange', { code: 'x', verifier: 'x'.repeat(43) }),
    expected: everybody(401),
  },
  'GET /api/v1/me/identities': { call: call('GET', '/me/identities'), expected: people(200) },
  'POST /api/v1/me/identities/:provider/begin': {
    call: call('POST', '/me/identities/none/begin', {}),
    expected: people(404),
  },
  'DELETE /api/v1/me/identities/:id': {
    call: call('DELETE', '/me/identities/5'),
    expected: people(404),
  },
};
