import { ADMIN, type Row } from './expected.ts';
import { V1 } from './world.ts';

/** The audit log. */
export const ADMIN_TABLE: Readonly<Record<string, Row>> = {
  'GET /api/v1/audit': { call: () => ({ method: 'GET', path: `${V1}/audit` }), expected: ADMIN },
  'GET /api/v1/audit.csv': { call: () => ({ method: 'GET', path: `${V1}/audit.csv` }), expected: ADMIN },
};
