import { DatabaseSync } from 'node:sqlite';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';

/** A statement waits so long while the service writes. */
const BUSY_MS = 10_000;

export type Row = Readonly<Record<string, unknown>>;

/** What a query gives in the database of a service, read behind its back; what an integer comes as depends on the database. */
export function rowsIn(url: string, sql: string): Promise<readonly Row[]> {
  if (url.startsWith('sqlite:')) return Promise.resolve(rowsInFile(url.slice('sqlite:'.length), sql));
  return url.startsWith('postgres:') ? rowsInPostgres(url, sql) : rowsInMariadb(url, sql);
}

/** Changes the database of a service behind its back. */
export async function changeIn(url: string, sql: string): Promise<void> {
  if (!url.startsWith('sqlite:')) return void (await rowsIn(url, sql));
  const database = new DatabaseSync(url.slice('sqlite:'.length), { timeout: BUSY_MS });
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}

/** As rowsIn, in a database file of SQLite; integers come as bigint. */
export function rowsInFile(
  path: string,
  sql: string,
  ...values: readonly (string | number | bigint)[]
): Record<string, unknown>[] {
  const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
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
