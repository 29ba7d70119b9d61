import { mysqlEngine } from '#drivers/metadata/dialects/mysql/engine.ts';
import { parseAddress } from '#drivers/metadata/dialects/server/address.ts';
import { withService } from '#test/services/shared.ts';
import { plansContract } from './metadata-plans.ts';
import { mariadbDatabase, SERVER_OPTIONS } from './metadata-servers.ts';

interface Step {
  readonly select_type: string;
  readonly table: string | null;
  readonly type: string | null;
}

const TABLES = [
  ...['blobs', 'files', 'idempotency', 'links', 'manifest_parts', 'manifests', 'messages', 'placements'],
  ...['task_attempts', 'tasks', 'upload_parts', 'uploads'],
  ...['drives', 'drive_uploads', 'drive_queue', 'entries', 'entry_versions'],
];

await withService('mariadb', (access) =>
  plansContract({
    name: 'MariaDB',
    createDatabase: () => mariadbDatabase(access),
    engine: (url) => mysqlEngine(parseAddress(url), SERVER_OPTIONS),
    prepare: [`analyze table ${TABLES.join(', ')}`],
    explain: 'explain',
    walks: (rows) =>
      (rows as Step[])
        .filter(({ select_type, type }) => select_type !== 'INSERT' && (type === 'ALL' || type === 'index'))
        // A subquery of its own has no more rows than were asked of it.
        .filter(({ table }) => !/^<(derived|union)/.test(table ?? ''))
        .map(({ table, type }) => ({ table: table ?? '', how: type ?? '' })),
  }),
);
