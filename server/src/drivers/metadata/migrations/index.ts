import type { Migration } from 'kysely/migration';
import { firstTables } from './0001-first-tables.ts';
import { severalStores } from './0002-stores.ts';
import { nodeStatus } from './0003-node-status.ts';
import { replicaBeats } from './0004-replica-beats.ts';
import { eventTables } from './0005-events.ts';
import { eventSinkTables } from './0006-event-sinks.ts';
import { taskControl } from './0007-task-control.ts';
import { holdTable } from './0008-holds.ts';
import { usageTables } from './0009-usage.ts';
import { scrubTables } from './0010-scrub.ts';
import { mediaTables } from './0011-media.ts';
import { accountTables } from './0012-accounts.ts';
import { identityTables } from './0013-identities.ts';
import { driveTables } from './0014-drive.ts';
import { auditAndKeys } from './0015-audit-and-keys.ts';
import { shareTables } from './0016-shares.ts';
import { possessionTable } from './0017-possession.ts';
import { searchTables } from './0018-search.ts';
import { sha1Index } from './0019-sha1.ts';
import { versionFilesIndex } from './0020-version-files.ts';
import type { ColumnTypes } from './column-types.ts';

/** Every migration of this build by name; names sort in the order they are applied and never change once released. */
export function migrationsFor(types: ColumnTypes): Readonly<Record<string, Migration>> {
  return {
    '0001-first-tables': firstTables(types),
    '0002-stores': severalStores(types),
    '0003-node-status': nodeStatus(types),
    '0004-replica-beats': replicaBeats(types),
    '0005-events': eventTables(types),
    '0006-event-sinks': eventSinkTables(types),
    '0007-task-control': taskControl(types),
    '0008-holds': holdTable(types),
    '0009-usage': usageTables(types),
    '0010-scrub': scrubTables(types),
    '0011-media': mediaTables(types),
    '0012-accounts': accountTables(types),
    '0013-identities': identityTables(types),
    '0014-drive': driveTables(types),
    '0015-audit-and-keys': auditAndKeys(types),
    '0016-shares': shareTables(types),
    '0017-possession': possessionTable(types),
    '0018-search': searchTables(types),
    '0019-sha1': sha1Index(types),
    '0020-version-files': versionFilesIndex(),
  };
}
