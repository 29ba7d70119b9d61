import { expect, it, onTestFinished } from 'vitest';
import type { Engine } from '#drivers/metadata/dialects/server/connection.ts';
import { Repositories } from '#drivers/metadata/repositories.ts';
import type { Session } from '#drivers/metadata/session.ts';
import { callEverything, watch } from './metadata-every-query.ts';
import { fillTables } from './metadata-fill.ts';
import { plain, SMALL_TABLES, WALKS, wrongIndexes } from './metadata-plan-rules.ts';
import type { ServerDatabase } from './metadata-servers.ts';

export interface Planner {
  readonly name: string;
  createDatabase(): Promise<ServerDatabase>;
  engine(url: string): Promise<Engine>;
  /** Run once before, so that the planner knows how much is there. */
  readonly prepare: readonly string[];
  /** Put before a query to be told its plan. */
  readonly explain: string;
  /** The tables that a plan reads from one end, or whose index it reads so, with how. */
  walks(rows: readonly unknown[]): readonly { readonly table: string; readonly how: string }[];
}

/** No query reads a table that grows from one end, but those that are meant to, on tables with some thousand rows. */
export function plansContract(planner: Planner): void {
  it(`${planner.name} finds every row of a large table by an index`, async () => {
    const database = await planner.createDatabase();
    const metadata = await database.open();
    const engine = await planner.engine(database.url);
    const connection = await engine.connect();
    onTestFinished(async () => {
      await connection.close();
      await metadata.close();
      await database.remove();
    });
    await metadata.migrate();
    const midst = await fillTables(metadata);
    for (const sql of planner.prepare) await connection.execute(sql, []);
    const excuses = [...WALKS.keys()].map(plain);
    const plans = new Map<string, string>();
    const wrong: string[] = [];
    const session: Session = {
      dialect: engine.dialect,
      execute: async (sql, parameters) => {
        if (!plans.has(plain(sql))) {
          const { rows } = await connection.execute(`${planner.explain} ${sql}`, parameters);
          plans.set(plain(sql), `${sql}: ${JSON.stringify(rows)}`);
          if (!excuses.some((part) => plain(sql).includes(part))) {
            for (const { table, how } of planner.walks(rows)) {
              if (!SMALL_TABLES.includes(table)) wrong.push(`${how} on ${table}: ${sql}`);
            }
          }
        }
        return connection.execute(sql, parameters);
      },
    };
    await connection.begin(false);
    const { watched, uncalled } = watch(new Repositories(session));
    await callEverything(watched, midst);
    await connection.rollback();
    expect(wrong).toEqual([]);
    expect(wrongIndexes(plans)).toEqual([]);
    expect(uncalled()).toEqual([]);
    expect(plans.size).toBeGreaterThan(90);
  }, 180_000);
}
