import { AUDIT_SCHEMAS } from './audit-schemas.ts';
import { GROUP_SCHEMAS } from './group-schemas.ts';
import { KEY_SCHEMAS } from './key-schemas.ts';
import { exportAudit } from './routes/audit/export.ts';
import { listAudit } from './routes/audit/list.ts';
import { changeGroup } from './routes/groups/change.ts';
import { createGroup } from './routes/groups/create.ts';
import { deleteGroup } from './routes/groups/delete.ts';
import { getGroup, listGroups } from './routes/groups/list.ts';
import { createKey } from './routes/keys/create.ts';
import { getKey, listKeys } from './routes/keys/list.ts';
import { revokeKey } from './routes/keys/revoke.ts';
import { rotateKey } from './routes/keys/rotate.ts';

/** Administration: service keys, groups of people, and what was done. */
export const ADMINISTRATION_ROUTES = [
  createKey,
  listKeys,
  getKey,
  rotateKey,
  revokeKey,
  createGroup,
  listGroups,
  getGroup,
  changeGroup,
  deleteGroup,
  listAudit,
  exportAudit,
] as const;

export const ADMINISTRATION_SCHEMAS = [...KEY_SCHEMAS, ...GROUP_SCHEMAS, ...AUDIT_SCHEMAS];
