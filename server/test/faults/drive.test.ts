import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DriveClient } from '../e2e/drive/drive-client.ts';
import { entriesOf, filesOf, miscounted, seedTree, withMetadata } from '../e2e/drive/seed.ts';
import { signIn, signUp } from '../e2e/people.ts';
import { random } from '../e2e/rest/client.ts';
import { type RunningService, startService } from '../e2e/service.ts';

const TREE = { folders: 20, inner: 5, files: 200 };
const ENV = {
  OSPROXY_TASKS_LEASE_SECONDS: '5',
  OSPROXY_PURGE_INTERVAL_SECONDS: '1',
  OSPROXY_HTTP_DOCS: 'false',
};
const EXACT = { used: 0, files: 0, reserved: 0 };

let dataDir: string;
let service: RunningService;
let drive: DriveClient;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'osproxy-drive-'));
  service = await startService({ dataDir, env: ENV });
  drive = new DriveClient(await signUp(service, 'ann'));
}, 90_000);

afterEach(async () => {
  drive.person.client.close();
  await service.kill();
  await rm(dataDir, { recursive: true, force: true });
});

/** SIGKILL, at any moment, and another start on what is left. */
async function killAndStart(): Promise<void> {
  await service.kill();
  drive.person.client.close();
  service = await startService({ dataDir, env: ENV });
  drive = new DriveClient(await signIn(service, 'ann'));
}

describe('a drive whose service is killed', () => {
  it('copies and removes a large tree all the same, and counts right', async () => {
    const tree = await seedTree(service, drive, 'tree', TREE);
    const total = entriesOf(TREE);
    const begun = await drive.call('POST', `/entries/${tree}/copy`, { parentId: 'root', name: 'copy' });
    expect(begun.status).toBe(202);
    for (const ms of [300, 700, 1500]) {
      await sleep(ms);
      await killAndStart();
    }
    const copied = await drive.ended(begun.json.id, 120_000);
    expect(copied).toMatchObject({ state: 'done', done: total, total });
    expect(await miscounted(service, drive.person.userId)).toEqual(EXACT);
    expect(await drive.drive()).toMatchObject({ files: 2 * filesOf(TREE) + 1 });

    await drive.trash(copied.entryId);
    const removal = await drive.call('DELETE', `/trash/${copied.entryId}`);
    for (const ms of [200, 600, 1200]) {
      await sleep(ms);
      await killAndStart();
    }
    expect(await drive.ended(removal.json.id, 120_000)).toMatchObject({ state: 'done', done: total + 1 });
    expect(await miscounted(service, drive.person.userId)).toEqual(EXACT);
    expect(await drive.drive()).toMatchObject({ files: filesOf(TREE) + 1 });
  }, 300_000);

  it('loses no room to uploads that were cut off', async () => {
    const body = random(200_000);
    const wanted = { parentId: 'root', size: body.length };
    const begun = await Promise.all(
      Array.from({ length: 8 }, (_, n) => drive.begin({ ...wanted, name: `f${n}` })),
    );
    const sending = begun.map(async (uid, n) => {
      await drive.person.client.part(uid, 1, body);
      await drive.put('root', `put${n}`, body);
      await drive.call('POST', `/uploads/${uid}/complete`);
    });
    await sleep(60);
    const settled = Promise.allSettled(sending);
    await killAndStart();
    await settled;
    const counted = await miscounted(service, drive.person.userId);
    const open = await drive.ok<{ uploads: { uid: string; size: number }[] }>('GET', '/uploads');
    expect(counted).toEqual({ ...EXACT, reserved: open.uploads.length * body.length });
    // Their time is over.
    await withMetadata(service, (metadata) =>
      metadata.transaction(async ({ uploads }) => {
        for (const { uid } of open.uploads) await uploads.extend(uid, Date.now() - 1000);
      }),
    );
    await expect
      .poll(() => miscounted(service, drive.person.userId), { timeout: 30_000, interval: 200 })
      .toEqual(EXACT);
  }, 120_000);
});
