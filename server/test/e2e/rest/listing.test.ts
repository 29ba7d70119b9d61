import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { createKey, RestClient, times } from './client.ts';

let service: RunningService;
let admin: RestClient;

beforeAll(async () => {
  service = await startService();
  admin = new RestClient(service.url, service.apiKey);
});
afterAll(async () => {
  admin?.close();
  await service?.close();
});

async function owner(name: string): Promise<RestClient> {
  return new RestClient(service.url, await createKey(service, name, 'read,write,delete'));
}

async function walk(client: RestClient, query: string, between: () => Promise<unknown> = async () => {}) {
  const names: string[] = [];
  const sizes: number[] = [];
  let cursor = '';
  for (let page = 0; page < 100; page += 1) {
    const { json } = await client.call('GET', `/files?${query}${cursor}`);
    names.push(...json.files.map((file) => file.name));
    sizes.push(json.files.length);
    if (json.next === null) return { names, sizes };
    cursor = `&cursor=${encodeURIComponent(json.next)}`;
    await between();
  }
  throw new Error('The listing did not end.');
}

test('pages hold every file once, newest first', async () => {
  const client = await owner('pages');
  const stored: string[] = [];
  for (let index = 0; index < 25; index += 1) stored.push((await client.put(`f${index}`, `${index}`)).name);
  const { names, sizes } = await walk(client, 'limit=10');
  expect(names).toEqual(stored.toReversed());
  expect(sizes).toEqual([10, 10, 5]);
  expect((await walk(client, 'limit=25')).sizes).toEqual([25]);
  expect((await walk(client, 'limit=1')).names).toEqual(stored.toReversed());
  expect((await client.call('GET', '/files')).json).toMatchObject({ next: null });
  client.close();
});

test('pages do not move when files are added or deleted meanwhile', async () => {
  const client = await owner('moving');
  const files: { name: string; uid: string }[] = [];
  for (let index = 0; index < 20; index += 1) files.push(await client.put(`old${index}`, `${index}`));
  let round = 0;
  const { names } = await walk(client, 'limit=3', async () => {
    await times(4, (index) => client.put(`new${round}-${index}`, 'x'));
    // What was listed already goes away.
    await client.call('DELETE', `/files/${files[19 - round]?.uid}`);
    round += 1;
  });
  expect(names).toEqual(files.map((file) => file.name).toReversed());
  client.close();
});

test('a prefix is compared letter by letter', async () => {
  const client = await owner('prefixes');
  for (const name of ['a%1', 'a_2', 'ab3', 'A4', 'a\\5', '日本6', 'a']) await client.put(name, 'x');
  const found = async (prefix: string) =>
    (await walk(client, `limit=2&prefix=${encodeURIComponent(prefix)}`)).names.sort();
  expect(await found('a')).toEqual(['a', 'a%1', 'a\\5', 'a_2', 'ab3']);
  expect(await found('a%')).toEqual(['a%1']);
  expect(await found('a_')).toEqual(['a_2']);
  expect(await found('a\\')).toEqual(['a\\5']);
  expect(await found('日')).toEqual(['日本6']);
  expect(await found('A')).toEqual(['A4']);
  expect(await found('none')).toEqual([]);
  expect(await found('')).toHaveLength(7);
  client.close();
});

test('owners see their own files, an admin sees all', async () => {
  const [one, two] = [await owner('one'), await owner('two')];
  await one.put('of one', 'x');
  await two.put('of two', 'x');
  expect((await walk(one, '')).names).toEqual(['of one']);
  expect((await walk(two, '')).names).toEqual(['of two']);
  expect((await walk(admin, 'limit=1000')).names).toEqual(expect.arrayContaining(['of one', 'of two']));
  one.close();
  two.close();
});

test.each(['x', 'MQ==', 'bm90IGEgdWlk', 'MDE', '-1', '%00', 'OTIyMzM3MjAzNjg1NDc3NTgwOA'])(
  'the cursor %j is refused',
  async (cursor) => {
    const refused = await admin.call('GET', `/files?cursor=${cursor}`);
    expect(refused.json).toMatchObject({ status: 400, details: { field: 'cursor' } });
  },
);
