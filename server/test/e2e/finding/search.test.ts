import { afterAll, beforeAll, expect, it } from 'vitest';
import { signUp, type TestPerson } from '../people.ts';
import { type RunningService, startService } from '../service.ts';
import { DriveCalls } from './drive-calls.ts';

let service: RunningService;
let people: TestPerson[];
let alice: DriveCalls;
let bob: DriveCalls;

beforeAll(async () => {
  service = await startService();
  people = [await signUp(service, 'alice'), await signUp(service, 'bob')];
  [alice, bob] = people.map((person) => new DriveCalls(person)) as [DriveCalls, DriveCalls];
});
afterAll(async () => {
  for (const { client } of people ?? []) client.close();
  await service?.close();
});

const search = (who: DriveCalls, query: Record<string, string>) =>
  who.call('GET', `/search?${new URLSearchParams(query)}`);
const names = async (who: DriveCalls, query: Record<string, string>) =>
  (await search(who, query)).json.entries.map(({ name }) => name);

it('finds names of one person, with where they are, and follows what happens to them', async () => {
  const folder = await alice.folder('root', '会议 2026');
  await alice.put(folder.id, '年度会议记录.docx', Buffer.from('a'));
  await alice.put('root', 'Meeting Notes.txt', Buffer.from('b'));
  await bob.put('root', '会议.txt', Buffer.from('c'));
  const found = await search(alice, { q: '会议' });
  expect(found.status).toBe(200);
  expect(found.json.next).toBeNull();
  expect(found.json.entries).toMatchObject([
    { name: '会议 2026', kind: 'folder', path: [{ name: '' }] },
    {
      name: '年度会议记录.docx',
      kind: 'file',
      size: 1,
      path: [{ name: '' }, { id: folder.id, name: '会议 2026' }],
    },
  ]);
  expect(await names(alice, { q: 'NOTES meet' })).toEqual(['Meeting Notes.txt']);
  expect(await names(bob, { q: 'notes' })).toEqual([]);
  expect(await names(alice, { q: '会议', kind: 'file' })).toEqual(['年度会议记录.docx']);
  expect(await names(alice, { q: 'me', within: folder.id })).toEqual([]);
  expect(await names(alice, { q: '会议', within: 'root', changedAfter: '2100-01-01T00:00:00Z' })).toEqual([]);
  await alice.call('PATCH', `/entries/${folder.id}`, { name: 'done' });
  expect(await names(alice, { q: '会议' })).toEqual(['年度会议记录.docx']);
  await alice.call('DELETE', `/entries/${folder.id}`);
  expect(await names(alice, { q: '会议' })).toEqual([]);
  await alice.call('POST', `/trash/${folder.id}/restore`, {});
  expect(await names(alice, { q: '会议' })).toEqual(['年度会议记录.docx']);
});

it('finds copies of folders', async () => {
  const folder = await alice.folder('root', 'templates');
  await alice.put(folder.id, 'letterhead', Buffer.from('x'));
  const copied = await alice.call('POST', `/entries/${folder.id}/copy`, { parentId: 'root', name: 'mine' });
  expect(copied.status).toBeLessThan(300);
  expect(await names(alice, { q: 'letterh' })).toEqual(['letterhead', 'letterhead']);
});

it('pages', async () => {
  const folder = await bob.folder('root', 'many');
  for (let n = 0; n < 7; n += 1) await bob.put(folder.id, `page ${n}`, Buffer.from(String(n)));
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null && seen.length < 20) {
    const more: Record<string, string> = cursor === '' ? {} : { cursor };
    const { status, json } = await search(bob, { q: 'page', limit: '3', ...more });
    expect(status).toBe(200);
    seen.push(...json.entries.map(({ name }) => name));
    cursor = json.next;
  }
  expect(seen).toEqual(['page 6', 'page 5', 'page 4', 'page 3', 'page 2', 'page 1', 'page 0']);
});

it('refuses what cannot be looked for', async () => {
  const foreign = await bob.folder('root', 'not yours');
  for (const [query, status] of [
    [{ q: '' }, 400],
    [{ q: '  ' }, 400],
    [{ q: 'x'.repeat(256) }, 400],
    [{ q: 'x', limit: '201' }, 400],
    [{ q: 'x', cursor: 'nonsense' }, 400],
    [{ q: 'x', changedAfter: 'yesterday' }, 400],
    [{ q: 'x', changedAfter: '2026-99-99T00:00:00Z' }, 400],
    [{ q: 'x', within: foreign.id }, 404],
    [{}, 400],
  ] as const) {
    expect([query, (await search(alice, { ...query })).status]).toEqual([query, status]);
  }
});
