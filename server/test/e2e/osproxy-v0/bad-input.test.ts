import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  BASE,
  Client,
  content,
  dataOf,
  downloadParameters,
  failed,
  failedDownload,
  md5Of,
  type Parameters,
  succeeded,
  type UploadLink,
  uploadParameters,
} from './client.ts';
import { type Harness, startHarness } from './harness.ts';

const BYTES = content(1234, 'bad input');
const MD5 = md5Of(BYTES);
let service: Harness;
let client: Client;

beforeAll(async () => {
  service = await startHarness();
  client = new Client(service.url, await service.key('shop'));
});

afterAll(() => service.close());

describe('bodies', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `${index}.txt`);
  const uids = Array.from({ length: 201 }, (_, index) => String(index + 1));
  const items = Array.from({ length: 51 }, (_, index) => ({
    md5: md5Of(Buffer.from([index])),
    path: 'a.txt',
  }));

  test.each<[string, unknown, RegExp]>([
    ['/link/upload', {}, /filePath/],
    ['/link/upload', { filePath: 'a.txt' }, /filePath/],
    ['/link/upload', { filePath: [1] }, /filePath/],
    ['/link/upload', { filePath: [null] }, /filePath/],
    ['/link/upload', { filePath: many(51) }, /50/],
    ['/link/upload', { filePath: ['a.txt'], expire: 0 }, /expire/],
    ['/link/upload', { filePath: ['a.txt'], expire: -1 }, /expire/],
    ['/link/upload', { filePath: ['a.txt'], expire: 1.5 }, /expire/],
    ['/link/upload', { filePath: ['a.txt'], expire: '60' }, /expire/],
    ['/link/upload', { filePath: ['a.txt'], expire: 604_801 }, /expire/],
    ['/link/upload', { filePath: ['a.txt'], expire: 1e300 }, /expire/],
    ['/link/upload', [], /body/],
    ['/link/upload', 'null', /body/],
    ['/link/upload', '{"filePath":', /JSON/],
    ['/link/upload', '{"__proto__":{"x":1},"filePath":["a.txt"]}', /JSON/],
    ['/link/upload', '', /body/],
    ['/link/download', {}, /uid/],
    ['/link/download', { uid: ['1'] }, /expire/],
    ['/link/download', { uid: uids, expire: 60 }, /200/],
    ['/link/download', { uid: [1], expire: 60 }, /uid/],
    ['/link/download', { uid: ['0'], expire: 60 }, /uid\[0\]/],
    ['/link/download', { uid: ['1', '-5'], expire: 60 }, /uid\[1\]/],
    ['/link/download', { uid: ['1.0'], expire: 60 }, /uid/],
    ['/link/download', { uid: ['9223372036854775808'], expire: 60 }, /uid/],
    ['/link/download', { uid: [''], expire: 60 }, /uid/],
    ['/link/download', { uid: ["1' or '1'='1"], expire: 60 }, /uid/],
    ['/link/download', { uid: ['1'], expire: 0 }, /expire/],
    ['/link/download', { uid: ['1'], expire: 604_801 }, /expire/],
    ['/resume', {}, /data/],
    ['/resume', { data: items }, /50/],
    ['/resume', { data: [{ md5: MD5 }] }, /path/],
    ['/resume', { data: [{ path: 'a.txt' }] }, /md5/],
    ['/resume', { data: [{ md5: 'xyz', path: 'a.txt' }] }, /md5/],
    ['/resume', { data: [{ md5: `${MD5}0`, path: 'a.txt' }] }, /md5/],
    ['/resume', { data: [{ md5: MD5, path: '' }] }, /path/],
  ])('POST %s %j', async (path, body, message) => failed(await client.post(path, body), 422, message));

  test('JSON is read whatever the Content-Type says, or when there is none', async () => {
    const headers = { 'x-api-key': await service.key('shop') };
    const body = Buffer.from(JSON.stringify({ filePath: ['a.txt'] }));
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', undefined]) {
      const typed: Record<string, string> =
        type === undefined ? headers : { ...headers, 'content-type': type };
      dataOf(await client.call('POST', '/link/upload', { body, headers: typed }));
    }
  });

  test('unknown fields are ignored', async () => {
    dataOf(await client.post('/link/upload', { filePath: ['a.txt'], source: 'web' }));
  });

  test('a JSON body beyond the limit is 413', async () => {
    failed(await client.post('/link/upload', { filePath: ['a'.repeat(1_100_000)] }), 413);
  });
});

describe('queries of uploads', () => {
  let link: UploadLink;
  let objects: number;

  beforeEach(async () => {
    link = await client.uploadLink('q.bin', 600);
    objects = await service.objects();
  });

  afterEach(async () => {
    expect(dataOf(await client.get('/checkpoint', { uid: link.uid }))).toEqual([]);
    expect(await service.objects()).toBe(objects);
  });

  const UIDS = ['', '0', '-1', '01', '1.5', '1e3', 'abc', '9223372036854775808', ' 1', '+1', '１'];
  const NUMBERS = [
    '',
    '0',
    '-1',
    '1.5',
    '01',
    '1e2',
    'x',
    '10001',
    '9223372036854775808',
    ' 1',
    '+1',
    '0x1',
    '١',
  ];
  const SIZES = ['', '-1', '1.5', '01', 'x', '9007199254740992', '9223372036854775808', 'NaN', 'Infinity'];
  const MD5S = ['', 'abc', `${MD5}0`, MD5.slice(1), `${MD5.slice(1)}g`, `${MD5} `];
  const DATES = [
    '',
    '2026-01-01',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00.000Z',
    '2026-13-01T00:00:00Z',
    'now',
  ];
  const EXPIRES = ['', '0', '-1', '1.5', '0600', 'x', '99999999999999999999'];

  const everywhere = async (more: Parameters, field: RegExp) => {
    failed(await client.single(link, BYTES, more), 422, field);
    failed(await client.part(link, 1, BYTES, more), 422, field);
    failed(await client.merge(link, BYTES, 1, more), 422, field);
  };
  test.each(UIDS)('uid %j', (uid) => everywhere({ uid }, /uid/));
  test.each(DATES)('date %j', (date) => everywhere({ date }, /date/));
  test.each(EXPIRES)('expire %j', (expire) => everywhere({ expire }, /expire/));
  test.each(MD5S)('md5 %j', (md5) => everywhere({ md5 }, /md5/));
  test('an empty signature', () => everywhere({ signature: '' }, /signature/));
  test.each(NUMBERS)('chunkNum and num %j', async (number) => {
    failed(await client.part(link, 1, BYTES, { chunkNum: number }), 422, /chunkNum/);
    failed(await client.merge(link, BYTES, 1, { num: number }), 422, /num/);
  });
  test.each(SIZES)('size %j', async (size) => {
    failed(await client.merge(link, BYTES, 1, { size }), 422, /size/);
  });

  test('a parameter that is missing or given twice is named', async () => {
    const calls: readonly [string, string, Parameters][] = [
      ['/upload', link.url.single, { md5: MD5 }],
      ['/upload/multi', link.url.multi.upload, { md5: MD5, chunkNum: '1' }],
      ['/upload/merge', link.url.multi.merge, { md5: MD5, num: '1', size: '1234' }],
    ];
    for (const [path, url, own] of calls) {
      const whole = { ...uploadParameters(url), ...own };
      for (const field of Object.keys(whole)) {
        const { [field]: value = '', ...rest } = whole as Record<string, string>;
        failed(await client.putFile(path, rest, BYTES), 422, new RegExp(field));
        const twice = new URLSearchParams(whole);
        twice.append(field, value);
        const form = new FormData();
        form.append('file', new Blob([Uint8Array.from(BYTES)]));
        failed(await client.call('PUT', `${path}?${twice}`, { body: form }), 422, new RegExp(field));
      }
    }
  });

  test('unknown parameters are ignored', async () => {
    succeeded(await client.part(link, 1, BYTES, { t: '1', callback: 'x' }));
    succeeded(await client.merge(link, BYTES, 1, { t: '1' }));
    objects = await service.objects();
  });
});

describe('queries of downloads and look-ups', () => {
  test('a parameter that is missing, empty or given twice is named', async () => {
    const uid = await client.upload('q.txt', BYTES);
    const whole = downloadParameters((await client.downloadLink(uid)).url);
    for (const field of Object.keys(whole)) {
      const { [field]: value = '', ...rest } = whole;
      const twice = new URLSearchParams(whole);
      twice.append(field, value);
      const queries = [new URLSearchParams(rest), new URLSearchParams({ ...whole, [field]: '' }), twice];
      for (const query of queries) {
        await failedDownload(await fetch(`${service.url}${BASE}/download?${query}`), 422, new RegExp(field));
      }
    }
    const online = `${new URLSearchParams(whole)}&online=1&online=0`;
    await failedDownload(await fetch(`${service.url}${BASE}/download?${online}`), 422, /online/);
  });

  test.each(['/checkpoint', '/proxy'])('%s names a uid that is none', async (path) => {
    for (const uid of ['', '0', '-1', '01', '1.5', 'abc', '9223372036854775808']) {
      failed(await client.get(path, { uid }), 422, /uid/);
    }
    failed(await client.get(path), 422, /uid/);
    failed(await client.get(`${path}?uid=1&uid=2`), 422, /uid/);
  });

  test('a query that is no valid percent-encoding is refused, not a failure of the server', async () => {
    const response = await fetch(`${service.url}${BASE}/download?uid=%zz&name=%ff%fe&signature=%`);
    await failedDownload(response, 422);
  });
});
