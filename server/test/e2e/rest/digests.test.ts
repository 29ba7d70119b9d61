import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { base64, RestClient } from './client.ts';

let service: RunningService;
let client: RestClient;

beforeAll(async () => {
  service = await startService();
  client = new RestClient(service.url, service.apiKey);
});
afterAll(async () => {
  client?.close();
  await service?.close();
});

const TEXT = 'the content';
const SHA256 = `sha-256=:${base64('sha256', TEXT)}:`;
const MD5 = `md5=:${base64('md5', TEXT)}:`;
const WRONG_SHA256 = `sha-256=:${base64('sha256', 'other')}:`;
const WRONG_MD5 = `md5=:${base64('md5', 'other')}:`;

const WAYS: readonly [string, (headers: Record<string, string>) => ReturnType<RestClient['call']>][] = [
  ['PUT /files/:name', (headers) => client.call('PUT', '/files/a.txt', { headers, body: TEXT })],
  ['PUT part', async (headers) => client.part(await client.open(), 1, TEXT, headers)],
  [
    'PUT content',
    async (headers) => client.call('PUT', `/uploads/${await client.open()}/content`, { headers, body: TEXT }),
  ],
];

describe.each(WAYS)('%s', (_name, send) => {
  test.each([
    ['SHA-256', { 'content-digest': SHA256 }],
    ['MD5', { 'content-digest': MD5 }],
    ['both', { 'content-digest': `${SHA256}, ${MD5}` }],
    ['Content-MD5', { 'content-md5': base64('md5', TEXT) }],
    ['every header', { 'content-digest': SHA256, 'repr-digest': SHA256, 'content-md5': base64('md5', TEXT) }],
    ['an unknown algorithm', { 'content-digest': `sha-512=:${base64('sha512', TEXT)}:, ${SHA256}` }],
    ['only an unknown algorithm', { 'content-digest': 'unixsum=:AAA=:' }],
    ['parameters', { 'content-digest': `${SHA256};a=1 ; b, ${MD5}` }],
  ])('takes the right digest: %s', async (_case, headers) => {
    const { status } = await send(headers as unknown as Record<string, string>);
    expect([200, 201]).toContain(status);
  });

  test.each([
    ['SHA-256', { 'content-digest': WRONG_SHA256 }],
    ['MD5', { 'content-digest': WRONG_MD5 }],
    ['one of two', { 'content-digest': `${SHA256}, ${WRONG_MD5}` }],
    ['Content-MD5', { 'content-md5': base64('md5', 'other') }],
    ['Repr-Digest', { 'repr-digest': WRONG_SHA256 }],
  ])('refuses the wrong digest: %s', async (_case, headers) => {
    const answer = await send(headers as unknown as Record<string, string>);
    expect(answer.json).toMatchObject({ status: 422, code: 'ChecksumMismatch' });
  });

  test.each([
    ['no byte sequence', 'Content-Digest', { 'content-digest': 'sha-256=abc' }],
    ['hex', 'Content-Digest', { 'content-digest': `sha-256=:${'ab'.repeat(32)}:` }],
    ['too short', 'Content-Digest', { 'content-digest': 'sha-256=:AAAA:' }],
    ['empty', 'Content-Digest', { 'content-digest': 'sha-256=::' }],
    ['bad base64', 'Content-Digest', { 'content-digest': 'md5=:!!!!:' }],
    ['a comma at the end', 'Content-Digest', { 'content-digest': `${SHA256},` }],
    ['no comma', 'Content-Digest', { 'content-digest': `${SHA256} ${MD5}` }],
    ['upper case', 'Content-Digest', { 'content-digest': SHA256.replace('sha', 'SHA') }],
    ['a hex MD5', 'Content-MD5', { 'content-md5': Buffer.from(TEXT).toString('hex') }],
    ['contradiction', 'Content-MD5', { 'content-digest': MD5, 'content-md5': base64('md5', 'other') }],
    ['contradiction', 'Repr-Digest', { 'content-digest': SHA256, 'repr-digest': WRONG_SHA256 }],
  ])('refuses what is malformed: %s in %s', async (_case, field, headers) => {
    const answer = await send(headers as unknown as Record<string, string>);
    expect(answer.json).toMatchObject({ status: 400, code: 'InvalidArgument', details: { field } });
  });

  test('refuses a part of a body (Content-Range) and an encoded one', async () => {
    const partial = await send({ 'content-range': 'bytes 0-10/100' });
    expect(partial.json).toMatchObject({ status: 400, details: { field: 'Content-Range' } });
    expect((await send({ 'content-encoding': 'gzip' })).json).toMatchObject({
      status: 415,
      code: 'Unsupported',
    });
  });
});

test('a refused part leaves nothing behind and can be sent again', async () => {
  const uid = await client.open();
  expect((await client.part(uid, 1, TEXT, { 'content-digest': WRONG_SHA256 })).status).toBe(422);
  expect((await client.call('GET', `/uploads/${uid}`)).json.parts).toEqual([]);
  expect((await client.part(uid, 1, TEXT, { 'content-digest': SHA256 })).status).toBe(200);
});
