import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signUp } from '../people.ts';
import { random, times } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';
import { DriveClient } from './drive-client.ts';

const MIB = 1024 * 1024;
let service: RunningService;
let people = 0;
const clients: DriveClient[] = [];

async function someone(): Promise<DriveClient> {
  people += 1;
  const drive = new DriveClient(await signUp(service, `person${people}`));
  clients.push(drive);
  return drive;
}

beforeAll(async () => {
  service = await startService({
    env: { OSPROXY_DRIVE_QUOTA_MIB: '1', OSPROXY_UPLOADS_EXPIRE_HOURS: '1' },
  });
}, 90_000);

afterAll(async () => {
  for (const { person } of clients) person.client.close();
  await service.close();
});

describe('uploads into a drive', () => {
  it('reserve room, take parts, and become an entry in their folder', async () => {
    const drive = await someone();
    const bytes = random(300_000);
    const uid = await drive.begin({ name: 'a.bin', size: 300_000, path: 'photos/2026' });
    expect(await drive.drive()).toMatchObject({ usedBytes: 0, reservedBytes: 300_000, quotaBytes: MIB });
    type Uploads = { uploads: { uid: string; name: string }[] };
    expect((await drive.ok<Uploads>('GET', '/uploads')).uploads).toMatchObject([{ uid, name: 'a.bin' }]);
    await drive.person.client.part(uid, 2, bytes.subarray(200_000));
    await drive.person.client.part(uid, 1, bytes.subarray(0, 200_000));
    const shown = await drive.ok<{ parts: unknown[] }>('GET', `/uploads/${uid}`);
    expect(shown.parts).toHaveLength(2);
    const entry = await drive.ok<{ id: string }>('POST', `/uploads/${uid}/complete`);
    expect(await drive.drive()).toMatchObject({ usedBytes: 300_000, reservedBytes: 0, files: 1 });
    const found = await drive.get(entry.id);
    expect(found.path.map(({ name }) => name)).toEqual(['', 'photos', '2026']);
    expect((await drive.content(entry.id)).bytes.equals(bytes)).toBe(true);
    expect((await drive.ok<{ id: string }>('POST', `/uploads/${uid}/complete`)).id).toBe(entry.id);
    expect((await drive.ok<Uploads>('GET', '/uploads')).uploads).toEqual([]);
    const other = await drive.begin({ name: 'whole.bin', size: 5, path: 'Photos/2026' });
    const whole = await drive.person.client.call('PUT', `/uploads/${other}/content`, { body: 'whole' });
    expect(whole.status).toBe(201);
    expect(await drive.names(found.parentId)).toEqual(['a.bin', 'whole.bin']);
  });

  it('never climb out of their folder', async () => {
    const drive = await someone();
    for (const path of ['..', '../..', 'a/../..', '/etc', 'a//b', './a', 'a/', `a/${'x'.repeat(256)}`]) {
      const { status } = await drive.call('POST', '/uploads', { parentId: 'root', name: 'x', size: 1, path });
      expect(`${path}: ${status}`).toBe(`${path}: 400`);
    }
    const deep = Array.from({ length: 129 }, () => 'd').join('/');
    const { status } = await drive.call('POST', '/uploads', {
      parentId: 'root',
      name: 'x',
      size: 1,
      path: deep,
    });
    expect(status).toBe(400);
    await drive.file('root', 'file', 'x');
    const through = await drive.call('POST', '/uploads', {
      ...{ parentId: 'root', name: 'x', size: 1, path: 'FILE/sub' },
    });
    expect(through.status).toBe(409);
    expect(await drive.names()).toEqual(['file']);
    expect(await drive.drive()).toMatchObject({ reservedBytes: 0 });
  });

  it('a hundred at once never go beyond the quota, and aborted ones give back', async () => {
    const drive = await someone();
    const size = 50_000;
    const fit = Math.floor(MIB / size);
    const begun = await times(100, (n) =>
      drive.call('POST', '/uploads', { parentId: 'root', name: `f${n}`, size }),
    );
    const open = begun.filter(({ status }) => status === 201);
    expect(open).toHaveLength(fit);
    expect(new Set(begun.map(({ status }) => status))).toEqual(new Set([201, 507]));
    expect(await drive.drive()).toMatchObject({ reservedBytes: fit * size, usedBytes: 0 });
    const body = random(size);
    const done = await times(fit, async (index) => {
      const uid = open[index]?.json.uid ?? '';
      if (index % 2 === 0) return (await drive.person.client.call('DELETE', `/uploads/${uid}`)).status;
      await drive.person.client.part(uid, 1, body);
      return (await drive.person.client.complete(uid)).status;
    });
    const completed = done.filter((status) => status === 200).length;
    expect(done.filter((status) => status === 204).length + completed).toBe(fit);
    expect(await drive.drive()).toMatchObject({
      ...{ reservedBytes: 0, usedBytes: completed * size, files: completed },
    });
    const left = Math.floor((MIB - completed * size) / size);
    const put = await times(60, (n) => drive.put('root', `g${n}`, body));
    expect(put.filter(({ status }) => status === 201)).toHaveLength(left);
    const full = await drive.drive();
    expect(full).toMatchObject({ usedBytes: (completed + left) * size, reservedBytes: 0 });
    const [first] = await drive.list();
    expect(
      (await drive.call('POST', `/entries/${first?.id}/copy`, { parentId: 'root', name: 'c' })).status,
    ).toBe(507);
    expect(await drive.drive()).toEqual(full);
  });

  it('take no more bytes than were declared', async () => {
    const drive = await someone();
    const uid = await drive.begin({ name: 'small', size: 10 });
    expect((await drive.person.client.part(uid, 1, 'x'.repeat(11))).status).toBe(413);
    expect((await drive.person.client.part(uid, 1, 'x'.repeat(6))).status).toBe(200);
    expect((await drive.person.client.part(uid, 2, 'x'.repeat(6))).status).toBe(413);
    const chunked = (async function* () {
      yield Buffer.from('x'.repeat(6));
    })();
    const sent = await drive.person.client.call('PUT', `/uploads/${uid}/parts/2`, { body: chunked });
    expect(sent.status).toBe(413);
    expect((await drive.person.client.part(uid, 1, 'y'.repeat(8))).status).toBe(200);
    expect((await drive.person.client.complete(uid)).status).toBe(400);
    expect((await drive.person.client.part(uid, 2, 'zz')).status).toBe(200);
    expect((await drive.person.client.complete(uid)).status).toBe(200);
  });

  it('whose folder is gone, or whose name was taken meanwhile, go elsewhere', async () => {
    const drive = await someone();
    const folder = await drive.folder('root', 'gone');
    const uid = await drive.begin({ parentId: folder.id, name: 'f', size: 1 });
    await drive.person.client.part(uid, 1, 'x');
    await drive.trash(folder.id);
    expect((await drive.call('POST', `/uploads/${uid}/complete`)).status).toBe(409);
    await drive.file('root', 'taken', 'y');
    expect((await drive.call('PATCH', `/uploads/${uid}`, { parentId: 'root', name: 'TAKEN' })).status).toBe(
      409,
    );
    await drive.ok('PATCH', `/uploads/${uid}`, { parentId: 'root', name: 'Taken', conflict: 'keepBoth' });
    const entry = await drive.ok<{ name: string }>('POST', `/uploads/${uid}/complete`);
    expect(entry.name).toBe('Taken (1)');
    const [one, two] = await Promise.all([0, 1].map(() => drive.begin({ name: 'same', size: 1 })));
    for (const each of [one, two]) await drive.person.client.part(each ?? '', 1, 'x');
    const done = await Promise.all([one, two].map((each) => drive.call('POST', `/uploads/${each}/complete`)));
    expect(done.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await drive.drive()).toMatchObject({ reservedBytes: 1, usedBytes: 3 });
  });

  it('begun twice with one Idempotency-Key are one', async () => {
    const drive = await someone();
    const json = { parentId: 'root', name: 'once', size: 7 };
    const begun = await times(4, () => drive.call('POST', '/uploads', json, { 'idempotency-key': 'k' }));
    expect(new Set(begun.map(({ json: { uid } }) => uid)).size).toBe(1);
    expect(begun.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
    expect(await drive.drive()).toMatchObject({ reservedBytes: 7 });
  });

  it('begun again once complete are told with their entry, and not begun anew', async () => {
    const drive = await someone();
    const json = { parentId: 'root', name: 'again', size: 3, path: 'a/b', conflict: 'keepBoth' };
    const begin = () => drive.call('POST', '/uploads', json, { 'idempotency-key': 'k' });
    const first = await begin();
    const uid = first.json.uid ?? '';
    await drive.person.client.part(uid, 1, 'abc');
    const entry = await drive.ok<{ id: string }>('POST', `/uploads/${uid}/complete`);
    const again = await begin();
    expect(again.status).toBe(200);
    expect(again.json).toEqual({ ...first.json, expiresAt: expect.any(String), entryId: entry.id });
    expect(again.headers.location).toBe(first.headers.location);
    expect(await drive.drive()).toMatchObject({ files: 1, reservedBytes: 0 });
    await drive.trash(entry.id);
    await drive.ok('DELETE', `/trash/${entry.id}`);
    expect((await begin()).status).toBe(404);
  });

  it('two people with the same content have one copy and two files', async () => {
    const [one, two] = [await someone(), await someone()];
    const body = random(100_000);
    const files = await Promise.all([one.file('root', 'a', body), two.file('root', 'b', body)]);
    await one.trash(files[0].id);
    await one.ok('DELETE', `/trash/${files[0].id}`);
    expect((await two.content(files[1].id)).bytes.equals(body)).toBe(true);
    expect((await one.drive()).usedBytes).toBe(0);
    expect((await two.drive()).usedBytes).toBe(100_000);
  });
});
