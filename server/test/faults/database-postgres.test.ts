import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { openMetadata } from '#drivers/metadata/index.ts';
import { sampleFile, write } from '#test/contracts/metadata-samples.ts';
import { recordingLogger } from '#test/contracts/metadata-temporary.ts';
import { createPostgresDatabase, queryPostgres, startPostgres } from '#test/services/postgres.ts';
import { withService } from '#test/services/shared.ts';
import { databaseFaults } from './database-faults.ts';

await withService('postgres', () => {
  databaseFaults({
    name: 'PostgreSQL',
    start: startPostgres,
    createDatabase: createPostgresDatabase,
    wrongEncoding: "template template0 encoding 'SQL_ASCII' locale 'C'",
    finalStatements: false,
    hold: async (url, sql) => {
      const client = new Client({ connectionString: url });
      client.on('error', () => {});
      await client.connect();
      for (const statement of sql) await client.query(statement);
      return () => client.end();
    },
  });

  it('leaves a commit alone that waits for a standby, so that nobody sees what could be lost', async () => {
    const server = await startPostgres();
    onTestFinished(() => server.stop());
    const options = { logger: recordingLogger(), server: { statementTimeoutMs: 1000 } };
    const metadata = await openMetadata((await createPostgresDatabase(server.access)).url, options);
    onTestFinished(() => metadata.close());
    await metadata.migrate();
    const wait = async (standby: string) => {
      await queryPostgres(server.access, `alter system set synchronous_standby_names = '${standby}'`);
      await queryPostgres(server.access, 'select pg_reload_conf()');
    };
    const waiting = async () => {
      const sql = "select count(*)::int as count from pg_stat_activity where wait_event = 'SyncRep'";
      return (await queryPostgres(server.access, sql))[0]?.count;
    };
    const file = sampleFile();
    await wait('nobody');
    await sleep(300);
    const written = write(metadata, (r) => r.files.insert(file));
    await expect(written).rejects.toMatchObject({ message: expect.stringContaining('unknown') });
    // As long as it takes to end a session that was left behind.
    await sleep(3000);
    expect(await waiting()).toBe(1);
    expect(await metadata.files.find(file.uid)).toBeUndefined();
    await wait('');
    await expect.poll(waiting).toBe(0);
    expect(await metadata.files.find(file.uid)).toMatchObject({ uid: file.uid });
  }, 60_000);
});
