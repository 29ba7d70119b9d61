import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ErrorCode, OsproxyError } from '#core/errors.ts';
import type { V0Core } from '#frontends/osproxy-v0/context.ts';
import { BASE, Client, content, dataOf, failed, md5Of, succeeded } from './client.ts';
import { type Harness, startHarness } from './harness.ts';

let service: Harness;
let client: Client;

beforeAll(async () => {
  service = await startHarness();
  client = new Client(service.url, await service.key('shop'));
});

afterAll(() => service.close());

const MD5 = md5Of(Buffer.from('x'));
const keyed: readonly [string, 'read' | 'write', (caller: Client) => ReturnType<Client['call']>][] = [
  ['POST /link/upload', 'write', (caller) => caller.post('/link/upload', { filePath: ['a.txt'] })],
  ['POST /link/download', 'read', (caller) => caller.post('/link/download', { uid: [], expire: 60 })],
  ['POST /resume', 'write', (caller) => caller.post('/resume', { data: [{ md5: MD5, path: 'a.txt' }] })],
  ['GET /checkpoint', 'write', (caller) => caller.get('/checkpoint', { uid: '1' })],
  ['GET /proxy', 'read', (caller) => caller.get('/proxy', { uid: '1' })],
];

describe.each(keyed)('%s', (_name, scope, call) => {
  test('needs a key', async () => {
    const answer = await call(new Client(service.url));
    failed(answer, 401, /key/);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  test('refuses a wrong key', async () => {
    failed(await call(new Client(service.url, 'osp_aaaaaaaaaaaa_wrong')), 401);
  });

  test('refuses a key without its scope, takes one with it', async () => {
    const lacking = scope === 'read' ? (['write'] as const) : (['read'] as const);
    failed(await call(new Client(service.url, await service.key('shop', lacking))), 403, new RegExp(scope));
    const { status } = await call(new Client(service.url, await service.key('shop', [scope])));
    expect([200, 404]).toContain(status);
  });
});

test('X-Api-Key is as good as Authorization', async () => {
  const headers = { 'x-api-key': await service.key('shop') };
  const body = JSON.stringify({ filePath: ['a.txt'] });
  dataOf(await new Client(service.url).call('POST', '/link/upload', { body, headers }));
});

describe('anonymous', () => {
  test('everything works without a key, as owner "default"', async () => {
    const nobody = new Client(await service.also({ anonymous: true }));
    const bytes = content(3000, 'anonymous');
    const link = await nobody.uploadLink('a.txt');
    succeeded(await nobody.part(link, 1, bytes));
    expect(dataOf(await nobody.get('/checkpoint', { uid: link.uid }))).toEqual([1]);
    succeeded(await nobody.merge(link, bytes, 1));
    expect(await nobody.bytesOf(link.uid)).toEqual(bytes);
    const [match] = dataOf(
      await nobody.post<{ uid: string }[]>('/resume', { data: [{ md5: md5Of(bytes), path: 'b.txt' }] }),
    );
    expect(match?.uid).toMatch(/^\d+$/);
    expect(dataOf(await nobody.get('/proxy', { uid: link.uid }))).toBe(nobody.url);
    const keyedCaller = new Client(service.url, await service.key('default'));
    expect(await keyedCaller.bytesOf(link.uid)).toEqual(bytes);
  });

  test("other owners' files stay theirs, and a wrong key does not matter", async () => {
    const mine = await client.upload('mine.txt', content(10, 'mine'));
    const url = await service.also({ anonymous: true });
    failed(await new Client(url).post('/link/download', { uid: [mine], expire: 60 }), 404);
    await new Client(url, 'osp_wrong').uploadLink('a.txt');
  });
});

describe('ping and health', () => {
  test('answer without a key, and in spite of a wrong one', async () => {
    for (const caller of [new Client(service.url), new Client(service.url, 'osp_wrong')]) {
      expect(dataOf(await caller.get('/ping'))).toBe('pong');
      expect(dataOf(await caller.get('/health'))).toBe('ok');
    }
  });

  test('ping is 503 with Retry-After when what it needs is away, health is not', async () => {
    const ping = () => Promise.reject(new Error('secret-host:5432 refused'));
    const nobody = new Client(await service.also({ ping }));
    const answer = await nobody.get('/ping');
    failed(answer, 503, /try again/);
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(answer.body.message).not.toContain('secret-host');
    expect(dataOf(await nobody.get('/health'))).toBe('ok');
  });
});

describe('proxy', () => {
  test('names this node for bytes it holds', async () => {
    const uid = await client.upload('here.txt', content(10, 'here'));
    expect(dataOf(await client.get('/proxy', { uid }))).toBe(service.url);
  });

  test('is 404 for bytes that are elsewhere, for an unknown uid and for a stranger', async () => {
    const uid = await client.upload('there.txt', content(10, 'there'));
    const key = await service.key('shop');
    const away = new Client(await service.also({ isLocal: () => false }), key);
    failed(await away.get('/proxy', { uid }), 404, new RegExp(uid));
    failed(await client.get('/proxy', { uid: '4611686018427387904' }), 404);
    failed(await new Client(service.url, await service.key('stranger')).get('/proxy', { uid }), 404);
  });
});

describe('errors have the form of this wire', () => {
  test.each([
    ['GET', '/nothing', 404],
    ['GET', '', 404],
    ['POST', '/upload/other', 404],
    ['GET', '/link/upload', 405],
    ['POST', '/download', 405],
    ['DELETE', '/upload', 405],
  ])('%s %s is %d', async (method, path, status) => failed(await client.call(method, path), status));

  test('an unexpected failure is 500 and tells nothing about its cause', async () => {
    const isLocal = () => {
      throw new Error('secret detail');
    };
    const broken = new Client(await service.also({ isLocal }), await service.key('shop'));
    const answer = await broken.get('/proxy', { uid: await client.upload('x.txt', content(10, 'x')) });
    failed(answer, 500);
    expect(JSON.stringify(answer.body)).not.toContain('secret');
  });

  test('other paths of the server keep their own form', async () => {
    const response = await fetch(`${service.url}${BASE}x`);
    expect(response.headers.get('content-type')).toMatch(/problem\+json/);
    await response.arrayBuffer();
  });

  test.each<[ErrorCode, number]>([
    ['InvalidArgument', 422],
    ['ChecksumMismatch', 422],
    ['Unsupported', 422],
    ['Unauthenticated', 401],
    ['PermissionDenied', 403],
    ['NotFound', 404],
    ['Expired', 404],
    ['Cancelled', 408],
    ['AlreadyExists', 409],
    ['Conflict', 409],
    ['PreconditionFailed', 412],
    ['TooLarge', 413],
    ['RangeNotSatisfiable', 416],
    ['Locked', 423],
    ['RateLimited', 429],
    ['Internal', 500],
    ['Unavailable', 503],
    ['QuotaExceeded', 507],
  ])('%s is %d', async (code, status) => {
    const complete = () => Promise.reject(new OsproxyError(code, 'It failed.'));
    const replace = ({ uploads }: V0Core): Partial<V0Core> => ({
      uploads: { hasBegun: uploads.hasBegun.bind(uploads), complete } as unknown as V0Core['uploads'],
    });
    const failing = new Client(await service.also({ replace }));
    const answer = await failing.merge(await client.uploadLink('a.bin'), content(10, 'x'), 1);
    failed(answer, status);
    expect(answer.headers.has('retry-after')).toBe(status === 503);
  });
});
