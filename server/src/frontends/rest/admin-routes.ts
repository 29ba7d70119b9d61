import { AUDIT_SCHEMAS } from './audit-schemas.ts';
import { KEY_SCHEMAS } from './key-schemas.ts';
import { exportAudit } from './routes/audit/export.ts';
import { listAudit } from './routes/audit/list.ts';
import { createKey } from './routes/keys/create.ts';
import { getKey, listKeys } from './routes/keys/list.ts';
import { revokeKey } from './routes/keys/revoke.ts';
import { rotateKey } from './routes/keys/rotate.ts';

/** Administration: service keys, and what was done. */
export const ADMINISTRATION_ROUTES = [
  createKey,
  listKeys,
  getKey,
  rotateKey,
  revokeKey,
  listAudit,
  exportAudit,
] as const;

export const ADMINISTRATION_SCHEMAS = [...KEY_SCHEMAS, ...AUDIT_SCHEMAS];
