import { expect, it } from 'vitest';
import { SqliteConnection } from '#drivers/metadata/dialects/sqlite/connection.ts';
import { sqlite } from '#drivers/metadata/dialects/sqlite/dialect.ts';
import { applyMigrations } from '#drivers/metadata/dialects/sqlite/schema.ts';
import { Repositories } from '#drivers/metadata/repositories.ts';
import type { Session } from '#drivers/metadata/session.ts';
import { callEverything, watch } from './metadata-every-query.ts';
import { plain, WALKS, wrongIndexes } from './metadata-plan-rules.ts';

/** Queries that may sort, since few rows can match. */
const SORTS = new Map([
  ['"lease_until" as "due_at" from "tasks" where "type" = ? and "state" = ?', 'running tasks of a type'],
  ['"lease_until" <= ?', 'running tasks of a type'],
  ['select distinct "blob_id"', 'the blobs of purged manifests'],
  ['from "file_holds" limit', 'types of held files, which are few, up to a limit'],
  ['from "service_keys" order by', 'the list of keys, which are few'],
  ['from "nodes" where', 'the nodes, which are few'],
  ['from "manifests" where', 'manifests of the same content'],
  ['from "usage_totals" where', 'sums of a range of days'],
  ['with recursive "up"', 'the folders above an entry'],
  ['where "manifests"."sha1" = ?', 'one content: files of a person, or people'],
  ['where "manifests"."sha256" = ?', 'one content: files of a person, or people'],
  ['from "manifest_parts" inner join "files"', 'the files of a batch of blobs'],
]);

/** What it calls a scan, but for results of a part of the query, and a full-text table that is asked by words or a row's number. */
const READS_ALL =
  /^SCAN (?!CONSTANT ROW|\d+-ROW VALUES|some_tasks$|up$|entry_names VIRTUAL TABLE INDEX \d+:\S)/;

it('finds every row by an index: no query scans a table or sorts more than a few rows', async () => {
  const connection = new SqliteConnection(':memory:', { readOnly: false, cacheKiB: 1024 });
  await applyMigrations(connection);
  const plans = new Map<string, string[]>();
  const session: Session = {
    dialect: sqlite,
    execute: async (sql, parameters) => {
      if (!plans.has(sql)) {
        const plan = connection.execute(`explain query plan ${sql}`, parameters).rows as { detail: string }[];
        plans.set(
          sql,
          plan.map((row) => row.detail),
        );
      }
      return connection.execute(sql, parameters);
    },
  };
  const { watched, uncalled } = watch(new Repositories(session));
  await callEverything(watched);
  connection.close();

  const used = new Set<string>();
  const excused = (sql: string, list: ReadonlyMap<string, string>) => {
    const excuse = [...list.keys()].find((part) => sql.includes(part));
    if (excuse !== undefined) used.add(excuse);
    return excuse !== undefined;
  };
  const wrong: string[] = [];
  for (const [sql, details] of plans) {
    for (const detail of details) {
      const scans = READS_ALL.test(detail) && !excused(sql, WALKS);
      const sorts = detail.startsWith('USE TEMP B-TREE') && !excused(sql, SORTS);
      if (scans || sorts) wrong.push(`${detail}: ${sql}`);
    }
  }
  expect(wrong).toEqual([]);
  expect([...WALKS.keys(), ...SORTS.keys()].filter((excuse) => !used.has(excuse))).toEqual([]);
  const flat = [...plans].map(([sql, details]): [string, string] => [plain(sql), details.join('; ')]);
  expect(wrongIndexes(new Map(flat))).toEqual([]);
  expect(uncalled()).toEqual([]);
  expect(plans.size).toBeGreaterThan(90);
});
