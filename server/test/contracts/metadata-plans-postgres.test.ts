import { expect, it, onTestFinished } from 'vitest';
import { postgresEngine } from '#drivers/metadata/dialects/postgres/engine.ts';
import { parseAddress } from '#drivers/metadata/dialects/server/address.ts';
import { Repositories } from '#drivers/metadata/repositories.ts';
import type { Session } from '#drivers/metadata/session.ts';
import { withService } from '#test/services/shared.ts';
import { callEverything, fillTables, SMALL_TABLES, WALKS } from './metadata-every-query.ts';
import { postgresDatabase } from './metadata-servers.ts';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Recheck Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

const OPTIONS = { poolSize: 2, acquireTimeoutMs: 5000, connectTimeoutMs: 5000, statementTimeoutMs: 30_000 };

await withService('postgres', (access) =>
  it('PostgreSQL finds every row of a large table by an index', async () => {
    const database = await postgresDatabase(access);
    const metadata = await database.open();
    const connection = await postgresEngine(parseAddress(database.url), OPTIONS).connect();
    onTestFinished(async () => {
      await connection.close();
      await metadata.close();
      await database.remove();
    });
    await metadata.migrate();
    await fillTables(metadata);
    await connection.execute('analyze', []);
    // As on a solid disk; tables this small would else be read whole for a join of a few rows.
    await connection.execute('set random_page_cost = 1.1', []);
    const wrong: string[] = [];
    const seen = new Set<string>();
    const { dialect } = postgresEngine(parseAddress(database.url), OPTIONS);
    const session: Session = {
      dialect,
      execute: async (sql, parameters) => {
        if (!seen.has(sql)) {
          seen.add(sql);
          const { rows } = await connection.execute(`explain (format json) ${sql}`, parameters);
          const [row] = rows as { 'QUERY PLAN': { Plan: PlanNode }[] }[];
          const plan = row?.['QUERY PLAN'][0]?.Plan;
          if (plan !== undefined) wrong.push(...walksOf(plan).map((what) => `${what}: ${sql}`));
        }
        return connection.execute(sql, parameters);
      },
    };
    await connection.begin(false);
    await callEverything(new Repositories(session));
    await connection.rollback();
    const excused = [...WALKS.keys()].map((part) => part.replaceAll('?', ''));
    const inexcusable = wrong.filter((line) => {
      const plain = line.replaceAll(/\$\d+/g, '');
      return !excused.some((part) => plain.includes(part));
    });
    expect(inexcusable).toEqual([]);
    expect(seen.size).toBeGreaterThan(90);
  }, 60_000),
);

/** The parts of a plan that read a large table, or an index of it, from one end. */
function walksOf(node: PlanNode): string[] {
  const { 'Node Type': type, 'Relation Name': table = '' } = node;
  const scans = type === 'Seq Scan' || (/^Index (Only )?Scan/.test(type) && node['Index Cond'] === undefined);
  const own = scans && !SMALL_TABLES.includes(table) ? [`${type} on ${table}`] : [];
  return [...own, ...(node.Plans ?? []).flatMap(walksOf)];
}
