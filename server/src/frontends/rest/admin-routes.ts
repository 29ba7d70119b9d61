import { AUDIT_SCHEMAS } from './audit-schemas.ts';
import { exportAudit } from './routes/audit/export.ts';
import { listAudit } from './routes/audit/list.ts';

/** Administration: what was done. */
export const ADMINISTRATION_ROUTES = [listAudit, exportAudit] as const;

export const ADMINISTRATION_SCHEMAS = [...AUDIT_SCHEMAS];
