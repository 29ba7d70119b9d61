import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openPlace, type Place, some, until } from './two-stores.ts';

let place: Place;
afterEach(() => place.close());

const written = async () => {
  const [marks] = await place.query('select count(*) n from store_marks where written = 1');
  return Number(marks?.n) === 2;
};

it('a folder that is not mounted makes fsck and purge stop, not the files rejected', {
  timeout: 90_000,
}, async () => {
  place = await openPlace(`
stores:
  - { name: main, type: local-disk, path: main }
  - { name: other, type: local-disk, path: other }
purge: { graceSeconds: 1, intervalSeconds: 1 }
`);
  const bytes = some(100_000);
  const { uid } = await place.client.put('a.bin', bytes);
  await until('the stores are marked', written);
  await place.service.stop();
  const folder = join(place.dataDir, 'main');
  renameSync(folder, `${folder}-unmounted`);

  const repair = await place.command('fsck', '--repair');
  expect(repair.out).toMatch(/^found store-suspicious: Store "main" has lost its mark/);
  expect(repair.out).toMatch(/1 found, 0 repaired$/m);
  expect(repair.code).toBe(1);
  const doctor = await place.command('doctor');
  expect([doctor.code, doctor.out]).toEqual([1, expect.stringMatching(/store "main" mark +FAILED/)]);
  await place.restart();
  const said = async () => /Store \\"main\\" has lost its mark/.test(place.service.lines.join('\n'));
  await until('the log says so', said);
  const failed = async () =>
    (await place.query("select last_error from tasks where type = 'purge'")).map((row) =>
      String(row.last_error),
    );
  await until('purge says so', async () =>
    (await failed()).some((text) => text.includes('has lost its mark')),
  );
  expect((await place.client.content(uid)).status).toBe(503);

  await place.service.stop();
  renameSync(folder, `${folder}-wrong`);
  renameSync(`${folder}-unmounted`, folder);
  await place.restart();
  expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
  expect((await place.command('fsck', '--deep', '--repair')).out).toMatch(/: 0 found/);
  expect((await place.command('doctor')).code).toBe(0);
});
