import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeIn, type Row, rowsIn } from '../../faults/rows.ts';
import { fsck as fsckOf } from '../../faults/store-folder.ts';
import { signIn, signUp } from '../people.ts';
import { random } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';
import { DriveClient, type EntryWire } from './drive-client.ts';

/** Files that nothing names count after so long. */
const GRACE_SECONDS = 1;
const WITHIN_MS = 60_000;

let service: RunningService;
let clients: DriveClient[] = [];
beforeAll(async () => {
  service = await startService();
}, 90_000);
afterAll(async () => {
  closeClients();
  await service.close();
});

function closeClients(): void {
  for (const { person } of clients) person.client.close();
  clients = [];
}

async function newcomer(name: string): Promise<DriveClient> {
  const drive = new DriveClient(await signUp(service, name));
  clients.push(drive);
  return drive;
}

async function again({ person }: DriveClient): Promise<DriveClient> {
  const drive = new DriveClient(await signIn(service, person.name));
  clients.push(drive);
  return drive;
}

async function start(): Promise<void> {
  service = await startService({ dataDir: service.dataDir });
}

async function stop(): Promise<void> {
  closeClients();
  await service.stop();
}

const execute = (sql: string) => changeIn(service.databaseUrl, sql);
const query = (sql: string): Promise<readonly Row[]> => rowsIn(service.databaseUrl, sql);

interface Found {
  readonly code: number | null;
  readonly repaired: boolean;
  readonly kinds: readonly string[];
}

async function fsck(...words: readonly string[]): Promise<Found> {
  const { dataDir, place } = service;
  const { code, out, errors } = await fsckOf(dataDir, GRACE_SECONDS, ['--json', ...words], place);
  if (code !== 0 && code !== 1) throw new Error(`fsck ended with ${code}:\n${out}\n${errors}`);
  const lines = out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { kind?: string; subject?: string; repaired?: boolean });
  const findings = lines.filter(({ kind }) => kind !== undefined);
  return {
    code,
    repaired: findings.every(({ repaired }) => repaired === true),
    kinds: findings.map(({ kind, subject }) => `${kind} ${subject}`).sort(),
  };
}

/** Found, put right, and then gone. */
async function mends(...wanted: readonly string[]): Promise<void> {
  const kinds = wanted.toSorted();
  expect(await fsck()).toEqual({ code: 1, repaired: false, kinds });
  expect(await fsck('--repair')).toEqual({ code: 0, repaired: true, kinds });
  expect(await fsck()).toEqual({ code: 0, repaired: true, kinds: [] });
}

async function gone(sql: string): Promise<void> {
  const until = Date.now() + WITHIN_MS;
  while ((await query(sql)).length > 0) {
    if (Date.now() > until) throw new Error(`not gone: ${sql}`);
    await sleep(100);
  }
}

async function fileOf({ id }: EntryWire): Promise<string> {
  const [row] = await query(`select file_uid from entries where id = ${id}`);
  return String(row?.file_uid);
}

describe('fsck of drives', () => {
  it('counts again what a drive has and has reserved', async () => {
    const ann = await newcomer('ann');
    await ann.file('root', 'a.txt', '12345');
    await ann.file('root', 'a.txt', '123', 'replace');
    await ann.trash((await ann.file('root', 'b.txt', '1')).id);
    const uid = await ann.begin({ name: 'c.bin', size: 1000 });
    const { usedBytes, reservedBytes, files } = await ann.drive();
    expect({ usedBytes, reservedBytes, files }).toEqual({ usedBytes: 9, reservedBytes: 1000, files: 2 });
    await stop();
    expect(await fsck()).toMatchObject({ code: 0, kinds: [] });
    const { userId } = ann.person;
    await execute(
      `update drives set used_bytes = 8, reserved_bytes = 0, files = 3 where user_id = ${userId}`,
    );
    await mends(`drive-miscounted ${userId}`);
    await start();
    const back = await again(ann);
    expect(await back.drive()).toMatchObject({ usedBytes, reservedBytes, files });
    await back.person.client.call('DELETE', `/uploads/${uid}`);
    expect(await back.drive()).toMatchObject({ usedBytes, reservedBytes: 0, files });
  }, 120_000);

  it('gives up files that nothing names', async () => {
    const bob = await newcomer('bob');
    const entry = await bob.file('root', 'a.txt', '12345');
    const { userId } = bob.person;
    const uid = await fileOf(entry);
    await stop();
    await sleep(GRACE_SECONDS * 1000 + 100);
    await execute(`delete from entries where id = ${entry.id}`);
    await mends(`drive-miscounted ${userId}`, `file-without-entry ${uid}`);
    expect(await query(`select uid from files where uid = ${uid} and state = 'deleted'`)).toHaveLength(1);
    await start();
    expect(await (await again(bob)).drive()).toMatchObject({ usedBytes: 0, files: 0 });
  }, 120_000);

  it('names what is lost, until its person removes it', async () => {
    const cleo = await newcomer('cleo');
    const first = await cleo.file('root', 'a.txt', '12345');
    const earlier = await fileOf(first);
    const { id } = await cleo.file('root', 'a.txt', '123', 'replace');
    const other = await cleo.file('root', 'b.txt', '1');
    await stop();
    await execute(`delete from files where uid = ${earlier}`);
    const deleted = `update files set state = 'deleted', deleted_at = updated_at`;
    await execute(`${deleted} where uid = ${await fileOf(other)}`);
    const kinds = [`entry-without-file ${id}`, `entry-without-file ${other.id}`].sort();
    expect(await fsck()).toEqual({ code: 1, repaired: false, kinds });
    expect(await fsck('--repair')).toEqual({ code: 1, repaired: false, kinds });
    await start();
    const back = await again(cleo);
    await back.ok('DELETE', `/entries/${id}/versions/1`);
    await back.trash(other.id);
    await back.ok('DELETE', '/trash');
    expect(await fsck()).toEqual({ code: 0, repaired: true, kinds: [] });
    expect(await back.drive()).toMatchObject({ usedBytes: 3, files: 1 });
  }, 120_000);

  it('puts what lost its folder into the trash, and the root folder back', async () => {
    const [dora, emil] = [await newcomer('dora'), await newcomer('emil')];
    const above = await dora.folder('root', 'above');
    const inside = await dora.folder(above.id, 'inside');
    const { id } = await dora.file(inside.id, 'a.txt', '12345');
    await emil.file((await emil.folder('root', 'kept')).id, 'b.txt', '1');
    const { rootId } = await emil.drive();
    await stop();
    await execute(`delete from entries where id in (${above.id}, ${rootId})`);
    await mends(`entry-without-folder ${inside.id}`, `drive-without-root ${emil.person.userId}`);
    await start();
    const [back, other] = [await again(dora), await again(emil)];
    expect((await back.trashed()).map(({ name }) => name)).toEqual(['inside']);
    await back.ok('POST', `/trash/${inside.id}/restore`, { parentId: 'root' });
    expect((await back.get(id)).path.map(({ name }) => name)).toEqual(['', 'inside']);
    expect((await back.content(id)).bytes.toString()).toBe('12345');
    expect(await other.names()).toEqual(['kept']);
  }, 120_000);

  it('ends the drives of people who are gone', async () => {
    const [finn, gail, hugo] = [await newcomer('finn'), await newcomer('gail'), await newcomer('hugo')];
    for (const drive of [finn, gail, hugo]) {
      const { id } = await drive.folder('root', 'a');
      await drive.file(id, 'a.txt', '12345');
      await drive.begin({ name: 'c.bin', size: 10 });
    }
    const of = ({ person }: DriveClient) => `where user_id = ${person.userId}`;
    const [{ rootId }, ended] = [await gail.drive(), hugo.person.userId];
    await stop();
    const people = [finn, gail, hugo].map(({ person }) => person.userId);
    await execute(`delete from users where id in (${people.join()})`);
    await execute(`delete from drive_uploads ${of(gail)}`);
    await execute(`delete from drives ${of(gail)}`);
    await execute(`update drives set ended_at = created_at where user_id = ${ended}`);
    await mends(
      `drive-without-person ${finn.person.userId}`,
      `drive-without-person ${ended}`,
      `entry-without-folder ${rootId}`,
    );
    await start();
    const all = people.join();
    for (const table of ['drives', 'entries', 'drive_uploads']) {
      await gone(`select user_id from ${table} where user_id in (${all})`);
    }
    const owners = people.map((id) => `'~${id}'`).join();
    await gone(`select uid from files where owner in (${owners}) and state <> 'deleted'`);
    expect(await fsck()).toEqual({ code: 0, repaired: true, kinds: [] });
  }, 180_000);

  it('finds nothing beside uploads, new versions and removals that are going on', async () => {
    const drives = [await newcomer('ida'), await newcomer('jan')];
    let isOver = false;
    const counts = { files: 0, uploads: 0, removed: 0 };
    const busy = async (drive: DriveClient, name: string) => {
      for (let n = 0; !isOver; n += 1) {
        const { id } = await drive.file('root', `${name} ${n % 3}`, random(n % 50), 'replace');
        counts.files += 1;
        const uid = await drive.begin({ name: `${name} parts ${n}`, size: 100 });
        await drive.person.client.part(uid, 1, random(100));
        if (n % 3 === 0) await drive.person.client.call('DELETE', `/uploads/${uid}`);
        else await drive.ok('POST', `/uploads/${uid}/complete`);
        counts.uploads += 1;
        if (n % 4 !== 3) continue;
        await drive.trash(id);
        await drive.ok('DELETE', `/trash/${id}`);
        counts.removed += 1;
      }
    };
    const work = drives.flatMap((drive) => [busy(drive, 'one'), busy(drive, 'two')]);
    try {
      for (let round = 0; round < 4; round += 1) {
        const repair = round % 2 === 0 ? [] : ['--repair'];
        expect(await fsck(...repair)).toEqual({ code: 0, repaired: true, kinds: [] });
      }
    } finally {
      isOver = true;
      await Promise.all(work);
    }
    expect(Math.min(counts.files, counts.uploads, counts.removed)).toBeGreaterThan(0);
    expect(await fsck()).toEqual({ code: 0, repaired: true, kinds: [] });
    for (const { person } of drives) {
      expect(await query(`select 1 from drives where user_id = ${person.userId}`)).toHaveLength(1);
    }
  }, 180_000);
});
