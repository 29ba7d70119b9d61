/** How a database writes what the rows are made of. */
export interface Words {
  /** A row `i` for each number of one batch, from the parameters that `batch` gives. */
  readonly series: string;
  batch(first: number, count: number): readonly number[];
  sha256(text: string): string;
}

export const ROWS_PER_BATCH = 100_000;
export const OWNERS = 10;
export const FILE_BYTES = 4096;
/** One file in so many has a link; tasks that ended are fewer still. */
const LINKS = 10;
const TASKS = 100;

const FIRST_MS = 1_700_000_000_000;
const SHIFT = 4_194_304;
const KINDS = { blob: 0, manifest: 1, file: 2, task: 3 } as const;

/** The id of the i-th thing of a kind, as core would have made it: ascending with time. */
export function idOf(kind: keyof typeof KINDS, index: number): string {
  return String(BigInt(FIRST_MS + index) * BigInt(SHIFT) + BigInt(KINDS[kind]));
}

/** What the SHA-256 of the i-th content is made of, here and in the databases. */
export function contentOf(index: number): string {
  return `content ${index}`;
}

export const FILLED_TABLES = [
  'blobs',
  'placements',
  'manifests',
  'manifest_parts',
  'files',
  'links',
  'tasks',
] as const;

export interface Filling {
  readonly table: (typeof FILLED_TABLES)[number];
  /** Adds the rows of one batch. */
  readonly sql: string;
}

/** A row in every table for each small file, as one upload leaves them; statements that SQLite, PostgreSQL and MariaDB all take. */
export function fillings({ series, sha256 }: Words): readonly Filling[] {
  const id = (kind: keyof typeof KINDS) => `(${FIRST_MS} + i) * ${SHIFT} + ${KINDS[kind]}`;
  const sha = sha256("'content ' || i");
  const from = `from ${series}`;
  const key = `substr(shelf, 1, 2) || '/' || substr(shelf, 3, 2) || '/' || md5('key ' || i)`;
  const at = `${FIRST_MS} + i`;
  return [
    {
      table: 'blobs',
      sql: `insert into blobs (id, identity, sha256, md5, size, created_at)
        select id, sha || ':${FILE_BYTES}', sha, substr(sha, 33), ${FILE_BYTES}, at
        from (select ${id('blob')} as id, ${sha} as sha, ${at} as at ${from}) rows_of_batch`,
    },
    {
      table: 'placements',
      sql: `insert into placements (store, node, "key", blob_id) select 'local', 'bench', ${key}, blob_id
        from (select i, ${id('blob')} as blob_id, md5('shelf ' || (i - i % 1000)) as shelf ${from}) rows_of_batch`,
    },
    {
      table: 'manifests',
      sql: `insert into manifests (id, size, sha256, md5, verified, created_at)
        select id, ${FILE_BYTES}, sha, substr(sha, 33), 1, at
        from (select ${id('manifest')} as id, ${sha} as sha, ${at} as at ${from}) rows_of_batch`,
    },
    {
      table: 'manifest_parts',
      sql: `insert into manifest_parts (manifest_id, seq, blob_id, size) select ${id('manifest')}, 0, ${id('blob')}, ${FILE_BYTES} ${from}`,
    },
    {
      table: 'files',
      sql: `insert into files (uid, owner, name, content_type, size, state, manifest_id, generation, link_epoch, md5, sha256, verified, created_at, updated_at)
        select uid, 'owner-' || (i % ${OWNERS}), 'file-' || i || '.bin', 'application/octet-stream', ${FILE_BYTES}, 'ready', manifest, 1, 0, substr(sha, 33), sha, 1, at, at
        from (select i, ${id('file')} as uid, ${id('manifest')} as manifest, ${sha} as sha, ${at} as at ${from}) rows_of_batch`,
    },
    {
      table: 'links',
      sql: `insert into links (id, uid, owner, scope, disposition, expires_at, uses, created_at)
        select md5('link ' || i), ${id('file')}, 'owner-' || (i % ${OWNERS}), 'read', 'inline', ${at} + 1000000000000, 0, ${at} ${from} where i % ${LINKS} = 0`,
    },
    {
      table: 'tasks',
      sql: `insert into tasks (id, type, "key", payload, state, run_at, attempts, max_attempts, fence, created_at, updated_at, ended_at)
        select ${id('task')}, 'compose', 'old ' || i, '{}', 'done', ${at}, 1, 10, 1, ${at}, ${at}, ${at} ${from} where i % ${TASKS} = 0`,
    },
  ];
}
