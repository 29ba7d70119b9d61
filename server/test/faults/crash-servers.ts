import { expect, onTestFinished, test } from 'vitest';
import type { SqlDatabase, SqlServerAccess } from '#test/services/sql-server.ts';
import { runCrashes } from './crash-engine.ts';
import { type KillableServer, runDatabaseStorm } from './database-storm.ts';
import { testSeed } from './random.ts';

const KILLS = 15;

export interface CrashedServer {
  readonly name: string;
  /** Shared by all tests, so nobody ends it. */
  readonly shared: SqlServerAccess;
  /** One of the test's own, which keeps what it acknowledges. */
  start(): Promise<KillableServer>;
  createDatabase(access: SqlServerAccess): Promise<SqlDatabase>;
}

/** What was acknowledged outlives the service and the database server. */
export function crashesOn({ name, shared, start, createDatabase }: CrashedServer): void {
  test(`on ${name}: what was acknowledged survives kills at random moments and at commits; nothing else appears`, {
    timeout: 600_000,
  }, async () => {
    const { url, remove } = await createDatabase(shared);
    onTestFinished(remove);
    const acknowledged = await runCrashes({ seed: testSeed(), kills: KILLS, databaseUrl: url });
    console.log(`acknowledged: ${JSON.stringify(acknowledged)}`);
    expect(acknowledged.files).toBeGreaterThan(5);
    expect(acknowledged.parts).toBeGreaterThan(5);
  });

  test(`${name} is killed and restarted under load: the service says so, goes on by itself and has lost nothing`, {
    timeout: 600_000,
  }, async () => {
    const server = await start();
    onTestFinished(() => server.stop());
    const { url } = await createDatabase(server.access);
    const acknowledged = await runDatabaseStorm({ seed: testSeed(), server, url });
    console.log(`acknowledged: ${JSON.stringify(acknowledged)}`);
    expect(acknowledged.files).toBeGreaterThan(5);
  });
}
