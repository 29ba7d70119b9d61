import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { openPlace, type Place, some, until } from './two-stores.ts';

const MODULE = fileURLToPath(new URL('./flaky-store.ts', import.meta.url));
const MIB = 1024 * 1024;

interface Task {
  readonly id: string;
  readonly state: string;
  readonly lastError?: string;
}

let place: Place;
let folder: string;
const control = (wanted: object) => writeFileSync(join(folder, 'control.json'), JSON.stringify(wanted));
const open = async (more = '', maxAttempts = 8) => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-back-'));
  control({});
  place = await openPlace(`
stores:
  - { name: fast, type: local-disk, path: ${folder}/fast }
  - { name: archive, type: ${MODULE}, path: ${folder}/archive, control: ${folder}/control.json }
placement:
  rules: [{ match: {}, store: fast, thenTransferTo: archive }]
  ${more}
purge: { graceSeconds: 2, intervalSeconds: 1 }
tasks: { leaseSeconds: 5, maxAttempts: ${maxAttempts} }
`);
};
afterEach(async () => {
  await place.close();
  rmSync(folder, { recursive: true, force: true });
});
const objectsIn = (store: string) =>
  readdirSync(join(folder, store, 'objects'), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== 'osproxy-store-mark',
  ).length;
const placed = async (store: string) => {
  const [row] = await place.query(
    `select count(*) n from placements where store = '${store}' and blob_id is not null`,
  );
  return Number(row?.n);
};
const transfers = async () => {
  const { json } = await place.client.call('GET', '/tasks?type=transfer');
  return (json as unknown as { tasks: Task[] }).tasks;
};

describe('files that land on a fast store and go on to another', () => {
  it('arrive there, whole files and joined or verified parts, and leave nothing behind', {
    timeout: 90_000,
  }, async () => {
    await open();
    const whole = some(3 * MIB);
    const { uid } = await place.client.put('whole.bin', whole);
    const parts = [some(MIB), some(MIB), some(5)];
    const joined = await place.client.putParts(parts, { name: 'parts.bin' });
    expect((await place.client.settled(joined.uid)).verified).toBe(true);
    await until(
      'everything is in the archive',
      async () => (await placed('fast')) === 0 && (await placed('archive')) === 4,
    );
    await until('the old bytes are gone', async () => objectsIn('fast') === 0);
    expect((await place.client.content(uid)).bytes.equals(whole)).toBe(true);
    expect((await place.client.content(joined.uid)).bytes.equals(Buffer.concat(parts))).toBe(true);
    expect((await place.command('fsck', '--deep')).out).toMatch(/: 0 found/);
  });

  it('survive kill -9 in the middle of a transfer', { timeout: 120_000 }, async () => {
    await open('transferMiBPerSecond: 4');
    const bytes = some(12 * MIB);
    const { uid } = await place.client.put('film.bin', bytes);
    const seen = new Set<string>();
    const newCopies = () => readdirSync(join(folder, 'archive', 'tmp')).filter((name) => !seen.has(name));
    for (let kills = 0; kills < 2; kills += 1) {
      await until('the transfer is under way', async () => newCopies().length > 0);
      for (const name of newCopies()) seen.add(name);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await place.service.kill();
      expect([await placed('fast'), await placed('archive')]).toEqual([1, 0]);
      await place.restart();
      expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
    }
    await place.restart({ OSPROXY_PLACEMENT_TRANSFER_MIB_PER_SECOND: '0' });
    await until(
      'the file is in the archive',
      async () => (await placed('archive')) === 1 && (await placed('fast')) === 0,
    );
    expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
    await until('nothing is left behind', async () => objectsIn('fast') === 0 && objectsIn('archive') === 1);
    expect((await place.command('fsck', '--deep')).out).toMatch(/: 0 found/);
  });

  it('stay where they are when the other store refuses: parked with the reason, and run again on demand', {
    timeout: 90_000,
  }, async () => {
    await open('', 2);
    control({ put: 'refuse' });
    const bytes = some(1000);
    const { uid } = await place.client.put('a.bin', bytes);
    await until('the transfer has failed for good', async () => (await transfers())[0]?.state === 'failed');
    const [failed] = await transfers();
    expect(failed?.lastError).toMatch(/^Unavailable: The flaky store fails on purpose/);
    expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
    const listed = await place.command('tasks', 'list', '--state', 'failed');
    expect(listed.out).toContain('The flaky store fails on purpose');
    control({});
    const again = await place.command('tasks', 'retry', failed?.id ?? '');
    expect(again.out).toBe(`Task ${failed?.id} (transfer) is due again, with all its attempts.\n`);
    await until('the file is in the archive', async () => (await placed('archive')) === 1);
    expect((await place.client.call('POST', `/tasks/${failed?.id}/retry`)).status).toBe(409);
    expect((await place.client.call('POST', '/tasks/5/retry')).status).toBe(404);
    expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
  });
});
