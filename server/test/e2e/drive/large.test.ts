import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onSqlite } from '#test/profiles/place.ts';
import { signUp } from '../people.ts';
import { type RunningService, startService } from '../service.ts';
import { DriveClient, type TaskWire } from './drive-client.ts';
import { entriesOf, FILE_BYTES, filesOf, miscounted, seedTree, withMetadata } from './seed.ts';

/** 100 000 entries; a fifth of that where each statement goes to a server. */
const LARGE = { folders: onSqlite ? 100 : 20, inner: 10, files: 99 };
const SMALL = { folders: 4, inner: 4, files: 150 };
const EXACT = { used: 0, files: 0, reserved: 0 };

let service: RunningService;
let people = 0;
const clients: DriveClient[] = [];

async function someone(): Promise<DriveClient> {
  people += 1;
  const drive = new DriveClient(await signUp(service, `owner${people}`));
  clients.push(drive);
  return drive;
}

beforeAll(async () => {
  service = await startService({ env: { OSPROXY_DRIVE_QUOTA_MIB: '4' } });
}, 90_000);

afterAll(async () => {
  for (const { person } of clients) person.client.close();
  await service.close();
});

describe('a tree of many entries', () => {
  it(`of ${entriesOf(LARGE)} moves at once, is copied and removed by tasks, and counts right all the way`, async () => {
    const drive = await someone();
    const tree = await seedTree(service, drive, 'tree', LARGE);
    const before = await drive.drive();
    const folder = await drive.folder('root', 'target');
    const moving = performance.now();
    await drive.change(tree, { parentId: folder.id, name: 'moved' });
    expect(performance.now() - moving).toBeLessThan(5000);
    expect(await drive.names(folder.id)).toEqual(['moved']);

    const copy = await drive.call('POST', `/entries/${tree}/copy`, { parentId: 'root', name: 'copy' });
    expect(copy.status).toBe(202);
    const task = copy.json as unknown as TaskWire;
    expect(task).toMatchObject({ kind: 'copy', state: 'running' });
    expect(await drive.names()).not.toContain('copy');
    const copied = await drive.ended(task.id, 400_000);
    const total = entriesOf(LARGE);
    expect(copied).toMatchObject({ state: 'done', done: total, total });
    expect(await drive.names()).toContain('copy');
    expect(await drive.names(copied.entryId, '?limit=500')).toHaveLength(LARGE.folders);
    const bytes = filesOf(LARGE) * FILE_BYTES;
    expect(await drive.drive()).toMatchObject({
      ...{ usedBytes: before.usedBytes + bytes, reservedBytes: 0 },
      files: before.files + filesOf(LARGE),
    });
    const [outer] = await drive.list(copied.entryId);
    const [inner] = await drive.list(outer?.id);
    const [file] = await drive.list(inner?.id);
    expect((await drive.content(file?.id ?? '')).bytes.toString()).toBe('0123456789');

    await drive.trash(tree);
    const removal = await drive.call('DELETE', `/trash/${tree}`);
    expect(removal.status).toBe(202);
    expect(await drive.trashed()).toEqual([]);
    expect((await drive.call('DELETE', `/tasks/${removal.json.id}`)).status).toBe(409);
    await drive.trash(copied.entryId);
    const empty = await drive.call('DELETE', '/trash');
    expect(empty.status).toBe(202);
    const removed = await drive.ended(removal.json.id, 400_000);
    expect(removed).toMatchObject({ state: 'done', done: total + 1 });
    expect(await drive.ended(empty.json.id, 400_000)).toMatchObject({ state: 'done', done: total + 1 });
    expect(await drive.drive()).toMatchObject({ usedBytes: FILE_BYTES, files: 1, reservedBytes: 0 });
    expect(await miscounted(service, drive.person.userId)).toEqual(EXACT);
  }, 1_200_000);

  it('is not copied where there is no room, and what a cancelled copy made is removed', async () => {
    const drive = await someone();
    const tree = await seedTree(service, drive, 'tree', SMALL);
    const used = (await drive.drive()).usedBytes;
    const filler = await drive.begin({ name: 'filler', size: 4 * 1024 * 1024 - used - 1000 });
    const refused = await drive.call('POST', `/entries/${tree}/copy`, { parentId: 'root', name: 'copy' });
    const failed = await drive.ended(refused.json.id);
    expect(failed).toMatchObject({ state: 'failed', error: expect.stringMatching(/no room/) });
    await drive.person.client.call('DELETE', `/uploads/${filler}`);

    const json = { parentId: 'root', name: 'copy' };
    const begun = await drive.call('POST', `/entries/${tree}/copy`, json);
    const cancelled = await drive.ok<TaskWire>('DELETE', `/tasks/${begun.json.id}`);
    expect(cancelled.state).toBe('cancelled');
    await drive.ended(begun.json.id);
    const other = await drive.call('POST', `/entries/${tree}/copy`, json);
    await drive.folder('root', 'COPY');
    const late = await drive.ended(other.json.id);
    expect(['failed', 'done']).toContain(late.state);
    expect(await drive.names()).toHaveLength(3);
    expect(await miscounted(service, drive.person.userId)).toEqual(EXACT);
    const stranger = await someone();
    expect((await stranger.call('GET', `/tasks/${begun.json.id}`)).status).toBe(404);
    expect((await stranger.call('DELETE', `/tasks/${begun.json.id}`)).status).toBe(404);
  }, 120_000);

  it('of somebody who is deleted goes with everything else', async () => {
    const drive = await someone();
    await seedTree(service, drive, 'tree', SMALL);
    const versioned = await drive.file('root', 'v', 'one');
    await drive.file('root', 'v', 'two', 'replace');
    await drive.trash((await drive.file('root', 'trashed', 'x')).id);
    await drive.begin({ name: 'open', size: 5 });
    const { userId, client } = drive.person;
    const gone = await fetch(`${service.url}/api/v1/users/${userId}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${service.apiKey}` },
    });
    expect(gone.status).toBe(204);
    expect((await client.call('GET', `/drive/entries/${versioned.id}`)).status).toBe(401);
    await expect
      .poll(async () => leftOf(userId), { timeout: 60_000, interval: 200 })
      .toEqual({ entries: 0, drive: false, uploads: 0 });
  }, 120_000);
});

async function leftOf(userId: string) {
  return withMetadata(service, async ({ entries, drives }) => {
    let left = 0;
    for (let after: string | undefined; ; ) {
      const page = await entries.scan(after, 1000);
      left += page.filter((entry) => entry.userId === userId).length;
      after = page.at(-1)?.id;
      if (after === undefined) break;
    }
    const uploads = (await drives.uploads(userId, undefined, 10)).length;
    return { entries: left, drive: (await drives.find(userId)) !== undefined, uploads };
  });
}
