import { afterAll, beforeAll, expect, test } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import type { Scope, ServicePrincipal } from '#core/model/principal.ts';
import type { V0Core } from '#frontends/osproxy-v0/context.ts';
import { Client, content, dataOf, failed, md5Of, succeeded } from './client.ts';
import { type Harness, startHarness } from './harness.ts';

const PART = 1024 * 1024;
const SHOP: ServicePrincipal = {
  ...{ kind: 'service', keyId: 'k', owner: 'shop', scopes: new Set<Scope>(['read']) },
};
let service: Harness;
let client: Client;
let stranger: Client;

beforeAll(async () => {
  service = await startHarness();
  client = new Client(service.url, await service.key('shop'));
  stranger = new Client(service.url, await service.key('other-shop'));
});

afterAll(() => service.close());

type Match = { md5: string; uid: string };
const resume = async (caller: Client, data: readonly { md5: string; path: string }[]) =>
  dataOf(await caller.post<Match[]>('/resume', { data }));

test('known content becomes a new file with its own name on the same bytes', async () => {
  const bytes = content(9000, 'known');
  const md5 = md5Of(bytes);
  const first = await client.upload('first.pdf', bytes);
  const objects = await service.objects();
  const [match] = await resume(client, [{ md5, path: 'other\\folder/第二.doc' }]);
  expect(match?.uid).toMatch(/^[1-9]\d+$/);
  expect(match?.uid).not.toBe(first);
  expect(await service.objects()).toBe(objects);
  const uid = match?.uid ?? '';
  expect(await client.bytesOf(uid)).toEqual(bytes);
  expect((await client.downloadLink(uid)).meta).toMatchObject({
    srcName: '第二.doc',
    dstName: `${uid}.doc`,
    md5,
  });
});

test('one answer per distinct md5, in the order they first appear, as they were sent', async () => {
  const bytes = content(400, 'distinct');
  await client.upload('distinct.bin', bytes);
  const known = md5Of(bytes).toUpperCase();
  const unknown = md5Of(Buffer.from('never sent'));
  const matches = await resume(client, [
    { md5: unknown, path: 'a.bin' },
    { md5: known, path: 'b.bin' },
    { md5: unknown, path: 'c.bin' },
    { md5: known, path: 'd.bin' },
  ]);
  expect(matches).toEqual([
    { md5: unknown, uid: '' },
    { md5: known, uid: expect.stringMatching(/^\d+$/) },
  ]);
  expect((await client.downloadLink(matches[1]?.uid ?? '')).meta.srcName).toBe('b.bin');
});

test('content of another owner is not offered', async () => {
  const bytes = content(400, 'mine');
  await client.upload('mine.bin', bytes);
  const data = [{ md5: md5Of(bytes), path: 'yours.bin' }];
  expect(await resume(stranger, data)).toEqual([{ md5: md5Of(bytes), uid: '' }]);
  const [match] = await resume(client, data);
  expect(match?.uid).not.toBe('');
});

test('merged content is offered only when this service has hashed it', async () => {
  const bytes = content(2 * PART, 'hashed later');
  const data = [{ md5: md5Of(bytes), path: 'again.bin' }];
  await client.upload('later.bin', bytes);
  expect(await resume(client, data)).toEqual([{ md5: md5Of(bytes), uid: '' }]);
  await service.runTasks();
  const [match] = await resume(client, data);
  expect((await client.bytesOf(match?.uid ?? '')).equals(bytes)).toBe(true);
});

test('an empty list has an empty answer; the empty file is content like any other', async () => {
  expect(await resume(client, [])).toEqual([]);
  await client.upload('nothing.txt', new Uint8Array(0));
  const [match] = await resume(client, [{ md5: md5Of(new Uint8Array(0)), path: 'nothing-too.txt' }]);
  expect(await client.bytesOf(match?.uid ?? '')).toHaveLength(0);
});

test('one wrong item spoils the call and makes no file', async () => {
  const bytes = content(640, 'spoiled');
  await client.upload('spoiled.bin', bytes);
  const good = { md5: md5Of(bytes), path: 'good.bin' };
  failed(
    await client.post('/resume', { data: [good, { md5: 'abc', path: 'x.bin' }] }),
    422,
    /data\[1\]\.md5/,
  );
  failed(
    await client.post('/resume', { data: [good, { md5: good.md5, path: 'a/' }] }),
    422,
    /data\[1\]\.path/,
  );
  failed(await client.post('/resume', { data: [good, { md5: good.md5, path: 'a\0.txt' }] }), 422);
  const page = await service.core.files.list(SHOP, {
    after: undefined,
    limit: 1000,
    namePrefix: 'good',
  });
  expect(page.files).toEqual([]);
});

test('checkpoint names the stored parts, and the client sends the rest', async () => {
  const bytes = content(6 * PART + 5, 'checkpoint');
  const link = await client.uploadLink('checkpoint.bin');
  const checkpoint = async () => dataOf(await client.get<number[]>('/checkpoint', { uid: link.uid }));
  expect(await checkpoint()).toEqual([]);
  for (const number of [5, 2]) {
    succeeded(await client.part(link, number, bytes.subarray((number - 1) * PART, number * PART)));
  }
  expect(await checkpoint()).toEqual([2, 5]);
  const count = await client.sendParts(link, bytes, await checkpoint());
  expect(await checkpoint()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  succeeded(await client.merge(link, bytes, count));
  expect(await checkpoint()).toEqual([]);
  expect((await client.bytesOf(link.uid)).equals(bytes)).toBe(true);
});

test("checkpoint of an unknown uid, and of another owner's, is 404", async () => {
  const link = await client.uploadLink('mine.bin');
  failed(await client.get('/checkpoint', { uid: '4611686018427387904' }), 404);
  failed(await stranger.get('/checkpoint', { uid: link.uid }), 404);
});

test('a failure in the middle takes back the files made before it', async () => {
  const first = content(800, 'taken back');
  const second = content(800, 'fails');
  for (const bytes of [first, second]) await client.upload('source.bin', bytes);
  const replace = ({ instantUpload }: V0Core): Partial<V0Core> => {
    const claim: V0Core['instantUpload']['claim'] = (request, ...rest) =>
      request.name === 'fails.bin'
        ? Promise.reject(new OsproxyError('Unavailable', 'The database is away.'))
        : instantUpload.claim(request, ...rest);
    return { instantUpload: { claim } as V0Core['instantUpload'] };
  };
  const failing = new Client(await service.also({ replace }), await service.key('shop'));
  const data = [
    { md5: md5Of(first), path: 'takenback.bin' },
    { md5: md5Of(second), path: 'fails.bin' },
  ];
  const files = async () =>
    (await service.core.files.list(SHOP, { after: undefined, limit: 100, namePrefix: 'takenback' })).files;
  failed(await failing.post('/resume', { data }), 503, /away/);
  expect(await files()).toEqual([]);
  await resume(client, data);
  expect(await files()).toHaveLength(1);
});
