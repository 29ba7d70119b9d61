import { DatabaseSync } from 'node:sqlite';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';

export type Row = Readonly<Record<string, unknown>>;

/** What a query gives in the database of a service, read behind its back. */
export function rowsIn(url: string, sql: string): Promise<readonly Row[]> {
  if (url.startsWith('sqlite:')) return Promise.resolve(rowsInFile(url.slice('sqlite:'.length), sql));
  return url.startsWith('postgres:') ? rowsInPostgres(url, sql) : rowsInMariadb(url, sql);
}

/** As rowsIn, in a database file of SQLite; integers come as bigint. */
export function rowsInFile(
  path: string,
  sql: string,
  ...values: readonly (string | number | bigint)[]
): Record<string, unknown>[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    return statement.all(...values) as Record<string, unknown>[];
  } finally {
    database.close();
  }
}

async function rowsInPostgres(url: string, sql: string): Promise<readonly Row[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

async function rowsInMariadb(url: string, sql: string): Promise<readonly Row[]> {
  const connection = await createConnection({
    uri: url.replace(/^mariadb:/, 'mysql:'),
    supportBigNumbers: true,
  });
  connection.on('error', () => {});
  try {
    const [rows] = await connection.query(sql);
    return rows as Row[];
  } finally {
    connection.destroy();
  }
}
