import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { createKey, RestClient } from './client.ts';

let service: RunningService;
let client: RestClient;

beforeAll(async () => {
  service = await startService({
    env: {
      OSPROXY_UPLOADS_PART_SIZE_MIB: '1',
      OSPROXY_UPLOADS_MAX_PART_SIZE_MIB: '1',
      OSPROXY_UPLOADS_MAX_FILE_SIZE_MIB: '2',
    },
  });
  client = new RestClient(service.url, service.apiKey);
});
afterAll(async () => {
  client?.close();
  await service?.close();
});

const MEBIBYTE = 1024 * 1024;
const BAD_UIDS = [
  '0',
  '-1',
  '1.5',
  '01',
  'abc',
  '1e3',
  '9223372036854775808',
  '99999999999999999999',
  '%20',
  '1%00',
  '+1',
];

const UID_ROUTES: readonly (readonly [string, (uid: string) => string, object])[] = [
  ['GET', (uid) => `/uploads/${uid}`, {}],
  ['PUT', (uid) => `/uploads/${uid}/parts/1`, { body: 'x' }],
  ['PUT', (uid) => `/uploads/${uid}/content`, { body: 'x' }],
  ['POST', (uid) => `/uploads/${uid}/complete`, {}],
  ['DELETE', (uid) => `/uploads/${uid}`, {}],
  ['POST', (uid) => `/uploads/${uid}/links`, { json: {} }],
  ['GET', (uid) => `/files/${uid}`, {}],
  ['PATCH', (uid) => `/files/${uid}`, { json: { name: 'a' } }],
  ['DELETE', (uid) => `/files/${uid}`, {}],
  ['GET', (uid) => `/files/${uid}/content`, {}],
  ['POST', (uid) => `/files/${uid}/links`, { json: {} }],
  ['GET', (uid) => `/files/${uid}/links`, {}],
  ['DELETE', (uid) => `/files/${uid}/links`, {}],
  ['DELETE', (uid) => `/files/${uid}/links/x`, {}],
];

describe.each(
  UID_ROUTES.map(([method, path, options]) => [`${method} ${path(':uid')}`, method, path, options] as const),
)('%s', (_name, method, path, options) => {
  test('refuses what is no uid', async () => {
    for (const uid of BAD_UIDS) {
      const refused = await client.call(method, path(uid), options);
      expect([uid, refused.status, refused.json.details]).toEqual([uid, 400, { field: 'uid' }]);
    }
  });

  test('answers 404 for a uid that nobody knows', async () => {
    for (const uid of ['1', '9223372036854775807']) {
      const refused = await client.call(method, path(uid), options);
      expect([uid, refused.status, refused.json.code]).toEqual([uid, 404, 'NotFound']);
    }
  });
});

test.each([
  ['name', {}],
  ['name', { name: 5 }],
  ['name', { name: null }],
  ['name', { name: '' }],
  ['size', { name: 'a', size: -1 }],
  ['size', { name: 'a', size: 1.5 }],
  ['size', { name: 'a', size: '5' }],
  ['size', { name: 'a', size: 2 ** 53 }],
  ['size', { name: 'a', size: 9.3e18 }],
  ['sha256', { name: 'a', sha256: 'abc' }],
  ['sha256', { name: 'a', sha256: 'g'.repeat(64) }],
  ['md5', { name: 'a', md5: 'a'.repeat(31) }],
  ['instant', { name: 'a', instant: 'yes' }],
  ['contentType', { name: 'a', contentType: 'application/x-own' }],
  ['nmae', { name: 'a', nmae: 'b' }],
])('POST /uploads names the field %s that is wrong: %j', async (field, json) => {
  const refused = await client.call('POST', '/uploads', { json });
  expect(refused.json).toMatchObject({ status: 400, code: 'InvalidArgument', details: { field } });
  expect(refused.json.detail).toContain(field);
});

test.each([
  ['parts', { parts: -1 }],
  ['parts', { parts: 10_001 }],
  ['parts', { parts: 1.5 }],
  ['size', { size: -1 }],
  ['md5', { md5: 'x' }],
  ['sha256', { sha256: '' }],
  ['other', { other: 1 }],
])('POST complete names the field %s that is wrong: %j', async (field, json) => {
  const refused = await client.complete(await client.open(), json);
  expect(refused.json).toMatchObject({ status: 400, details: { field } });
});

test.each([
  ['limit', 'limit=0'],
  ['limit', 'limit=1001'],
  ['limit', 'limit=-1'],
  ['limit', 'limit=1.0'],
  ['limit', 'limit=1e2'],
  ['limit', 'limit='],
  ['limit', 'limit=%2010'],
  ['limit', 'limit=9223372036854775808'],
  ['limit', 'limit=1&limit=2'],
  ['cursor', 'cursor=MQ&cursor=Mg'],
  ['prefix', 'prefix=a&prefix=b'],
  ['what', 'what=1&what=2'],
])('GET /files names the parameter %s that is wrong: %s', async (field, query) => {
  const refused = await client.call('GET', `/files?${query}`);
  expect(refused.json).toMatchObject({ status: 400, code: 'InvalidArgument', details: { field } });
  expect(refused.json.detail).toContain(`"${field}"`);
});

test.each([
  ['no JSON', 'application/json', '{', 400],
  ['an array', 'application/json', '[]', 400],
  ['null', 'application/json', 'null', 400],
  ['a string', 'application/json', '"a"', 400],
  ['nothing', 'application/json', '', 400],
  ['a prototype', 'application/json', '{"name":"a","__proto__":{}}', 400],
  ['text', 'text/plain', '{"name":"a"}', 415],
  ['a form', 'application/x-www-form-urlencoded', 'name=a', 415],
])('a JSON call refuses %s', async (_case, type, body, status) => {
  const refused = await client.call('POST', '/uploads', { headers: { 'content-type': type }, body });
  expect([refused.status, refused.headers['content-type']]).toEqual([
    status,
    'application/problem+json; charset=utf-8',
  ]);
});

test('every failure is a problem with the request id', async () => {
  const refused = await client.call('GET', '/files/1', { headers: { 'x-request-id': 'my-id-1' } });
  expect(refused.json).toEqual({
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'There is no file 1.',
    code: 'NotFound',
    retryable: false,
    requestId: 'my-id-1',
    details: { uid: '1' },
  });
  expect(refused.headers['x-request-id']).toBe('my-id-1');
});

describe('sizes', () => {
  test('above the limits are refused with a sentence, before and while they come', async () => {
    const uid = await client.open();
    const stream = async function* (size: number) {
      for (let sent = 0; sent < size; sent += 65_536) yield Buffer.alloc(65_536);
    };
    for (const answer of [
      await client.part(uid, 1, Buffer.alloc(MEBIBYTE + 1)),
      await client.call('PUT', '/files/a', { body: Buffer.alloc(2 * MEBIBYTE + 1) }),
      await client.call('PUT', '/files/a', { body: stream(2 * MEBIBYTE + 65_536) }),
      await client.call('PUT', `/uploads/${uid}/content`, { body: stream(2 * MEBIBYTE + 65_536) }),
      await client.call('POST', '/uploads', { json: { name: 'a', size: 2 * MEBIBYTE + 1 } }),
    ]) {
      expect(answer.json).toMatchObject({ status: 413, code: 'TooLarge' });
    }
    for (const number of [1, 2, 3]) await client.part(uid, number, Buffer.alloc(MEBIBYTE));
    expect((await client.complete(uid)).json).toMatchObject({ status: 413, code: 'TooLarge' });
  });

  test('at the limits are taken', async () => {
    expect((await client.call('PUT', '/files/a', { body: Buffer.alloc(2 * MEBIBYTE) })).status).toBe(201);
    expect((await client.part(await client.open(), 1, Buffer.alloc(MEBIBYTE))).status).toBe(200);
  });
});

test('another method on a known path is 405 with what is possible', async () => {
  const refused = await client.call('POST', '/files/1', { json: {} });
  expect([refused.status, refused.headers.allow]).toEqual([405, 'DELETE, GET, HEAD, PATCH, PUT']);
  expect((await client.call('GET', '/nothing')).status).toBe(404);
});

const SCOPED: readonly (readonly [string, string, string, object])[] = [
  ['admin', 'GET', '/audit', {}],
  ['admin', 'GET', '/keys', {}],
  ['admin', 'GET', '/groups', {}],
  ['admin', 'POST', '/groups', { json: { name: '' } }],
  ['admin', 'GET', '/groups/1', {}],
  ['admin', 'PATCH', '/groups/1', { json: {} }],
  ['admin', 'DELETE', '/groups/1', {}],
  ['admin', 'POST', '/keys', { json: { name: 'a', scopes: ['read'] } }],
  ['admin', 'GET', '/keys/aaaaaaaaaaaa', {}],
  ['admin', 'DELETE', '/keys/aaaaaaaaaaaa', {}],
  ['admin', 'POST', '/keys/aaaaaaaaaaaa/rotate', {}],
  ['admin', 'GET', '/audit.csv', {}],
  ['write', 'POST', '/uploads', { json: { name: 'a' } }],
  ['write', 'GET', '/uploads/1', {}],
  ['write', 'PUT', '/uploads/1/parts/1', { body: 'x' }],
  ['write', 'PUT', '/uploads/1/content', { body: 'x' }],
  ['write', 'POST', '/uploads/1/complete', {}],
  ['write', 'DELETE', '/uploads/1', {}],
  ['links', 'POST', '/uploads/1/links', { json: {} }],
  ['write', 'PUT', '/files/a', { body: 'x' }],
  ['write', 'POST', '/files', {}],
  ['read', 'GET', '/files', {}],
  ['read', 'GET', '/files/1', {}],
  ['write', 'PATCH', '/files/1', { json: { name: 'a' } }],
  ['delete', 'DELETE', '/files/1', {}],
  ['read', 'GET', '/files/1/content', {}],
  ['links', 'POST', '/files/1/links', { json: {} }],
  ['links', 'GET', '/files/1/links', {}],
  ['links', 'DELETE', '/files/1/links', {}],
  ['links', 'DELETE', '/files/1/links/x', {}],
];

describe('who gets in', () => {
  test('nobody without a key, and no key without the scope', async () => {
    const scopes = ['read', 'write', 'delete', 'links'];
    const clients = new Map<string, RestClient>();
    const keys = await Promise.all(scopes.map((scope) => createKey(service, 'scoped', scope)));
    scopes.forEach((scope, index) => {
      clients.set(scope, new RestClient(service.url, keys[index] ?? ''));
    });
    const nobody = new RestClient(service.url);
    const wrong = new RestClient(service.url, 'osp_aaaaaaaaaaaa_wrong');
    for (const [needed, method, path, options] of SCOPED) {
      for (const who of [nobody, wrong]) {
        const refused = await who.call(method, path, options);
        expect([method, path, refused.status]).toEqual([method, path, 401]);
        expect(refused.headers['www-authenticate']).toContain('Bearer');
      }
      for (const scope of scopes) {
        const answer = await clients.get(scope)?.call(method, path, options);
        expect([method, path, scope, answer?.status === 403]).toEqual([
          method,
          path,
          scope,
          scope !== needed,
        ]);
      }
    }
    for (const one of [...clients.values(), nobody, wrong]) one.close();
  });

  test('X-Api-Key works as Authorization does', async () => {
    const plain = new RestClient(service.url);
    expect((await plain.call('GET', '/files', { headers: { 'x-api-key': service.apiKey } })).status).toBe(
      200,
    );
    plain.close();
  });
});
