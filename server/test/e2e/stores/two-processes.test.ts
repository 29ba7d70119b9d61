import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { RestClient } from '#test/e2e/rest/client.ts';
import { type RunningService, startService } from '#test/e2e/service.ts';
import { openPlace, type Place, some, until } from './two-stores.ts';

/** Longer than the lease of a task. */
const FROZEN_MS = 8000;
const FILES = 400;

interface Move {
  readonly id: string;
  readonly state: string;
  readonly failedObjects: number;
  readonly total?: object;
  readonly done: { readonly objects: number };
}

let place: Place;
let second: RunningService | undefined;
afterEach(async () => {
  await second?.kill();
  await place.close();
});

/** Stops the process while it writes nothing: it would keep the lock of SQLite, and nobody could go on. `other` is a client of the other process. */
async function freeze({ process }: RunningService, other: RestClient): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    process.kill('SIGSTOP');
    const begun = await other.call('POST', '/uploads', { json: { name: 'probe', size: 1 } });
    if (begun.status === 201) {
      await other.call('DELETE', `/uploads/${begun.json.uid}`);
      return;
    }
    process.kill('SIGCONT');
    if (tries === 5) throw new Error(`The other process cannot write: ${begun.bytes}`);
    await sleep(100);
  }
}

it('two processes over one database do nothing twice, also when one of them was frozen while it moved', {
  timeout: 180_000,
}, async () => {
  place = await openPlace(`
stores:
  - { name: old, type: local-disk, path: old }
  - { name: new, type: local-disk, path: new }
tasks: { leaseSeconds: 5 }
purge: { graceSeconds: 2, intervalSeconds: 1 }
`);
  second = await startService({ dataDir: place.dataDir });
  const clients = [place.client, new RestClient(second.url, second.apiKey)];
  for (let start = 0; start < FILES; start += 20) {
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => place.client.put(`${start + index}`, some(40_000))),
    );
  }
  const json = { from: 'old', to: 'new', bytesPerSecond: 700_000 };
  const { id } = (await place.client.call('POST', '/moves', { json })).json;
  const move = async (client = clients[0]) =>
    (await client?.call('GET', `/moves/${id}`))?.json as unknown as Move;
  await until('it has begun', async () => (await move()).done.objects > 5);
  // Whichever of the two works on it, it is frozen once, the other takes over, and it wakes up in the middle of a copy.
  for (const [index, service] of [place.service, second].entries()) {
    const other = clients[1 - index] as RestClient;
    await freeze(service, other);
    const before = (await move(other)).done.objects;
    await sleep(FROZEN_MS);
    await until('the other goes on', async () => (await move(other)).done.objects > before);
    service.process.kill('SIGCONT');
  }
  await until('it is done', async () => (await move()).state === 'done', 120_000);
  const ended = await move();
  expect(ended).toMatchObject({
    failedObjects: 0,
    total: { files: FILES, objects: FILES, bytes: FILES * 40_000 },
  });
  expect(ended.done).toEqual(ended.total);
  const objectsIn = (store: string) =>
    readdirSync(join(place.dataDir, store, 'objects'), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile() && entry.name !== 'osproxy-store-mark',
    ).length;
  await until(
    'only one copy of each is left',
    async () => objectsIn('old') === 0 && objectsIn('new') === FILES,
  );
  const attempts = await place.query(
    `select outcome from task_attempts a join tasks t on t.id = a.task_id where t.type = 'move'`,
  );
  expect(attempts.map(({ outcome }) => outcome)).toContain('lost');
  expect((await place.command('fsck', '--deep')).out).toMatch(/: 0 found/);
  clients[1]?.close();
});
