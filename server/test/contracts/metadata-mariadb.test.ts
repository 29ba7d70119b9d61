import { expect, onTestFinished, test } from 'vitest';
import { rowsIn } from '#test/faults/rows.ts';
import { withService } from '#test/services/shared.ts';
import { metadataContract } from './metadata-contract.ts';
import { mariadbDatabase } from './metadata-servers.ts';

await withService('mariadb', (access) => {
  metadataContract('MariaDB', () => mariadbDatabase(access));

  test('MariaDB: no text column takes the character set of the database', async () => {
    const database = await mariadbDatabase(access);
    onTestFinished(() => database.remove());
    const metadata = await database.open();
    await metadata.migrate();
    await metadata.close();
    const columns = await rowsIn(
      database.url,
      `select concat(table_name, '.', column_name) name, collation_name how from information_schema.columns
        where table_schema = database() and character_set_name is not null`,
    );
    expect(columns.length).toBeGreaterThan(20);
    expect(columns.filter(({ how }) => how !== 'utf8mb4_nopad_bin')).toEqual([]);
  });
});
