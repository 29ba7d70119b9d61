import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  BASE,
  Client,
  content,
  dataOf,
  failed,
  md5Of,
  succeeded,
  type UploadLink,
  uploadParameters,
} from './client.ts';
import { type Harness, startHarness } from './harness.ts';

const BYTES = content(400_000, 'broken');
const BOUNDARY = 'the-boundary';
const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
let service: Harness;
let client: Client;
let link: UploadLink;
let objects: number;

beforeAll(async () => {
  service = await startHarness();
  client = new Client(service.url, await service.key('shop'));
});

beforeEach(async () => {
  link = await client.uploadLink('broken.bin');
  objects = await service.objects();
});

afterAll(() => service.close());

const query = (more: Record<string, string> = {}) =>
  new URLSearchParams({ ...uploadParameters(link.url.single), md5: md5Of(BYTES), ...more });

const lead = (name: string) =>
  Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"; filename="x"\r\n\r\n`);
const END = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);

const put = (body: Buffer, contentType: string, path = '/upload', more: Record<string, string> = {}) =>
  client.call('PUT', `${path}?${query(more)}`, {
    body: Uint8Array.from(body),
    headers: { 'content-type': contentType },
  });

/** Nothing was kept, and the link does what it should have done. */
async function untouched(): Promise<void> {
  expect(await service.objects()).toBe(objects);
  expect(dataOf(await client.get('/checkpoint', { uid: link.uid }))).toEqual([]);
  failed(await client.post('/link/download', { uid: [link.uid], expire: 60 }), 404);
  succeeded(await client.single(link, BYTES));
  expect((await client.bytesOf(link.uid)).equals(BYTES)).toBe(true);
  const principal = await service.core.authenticator.authenticate({ apiKey: await service.key('shop') });
  await service.core.files.delete(principal, link.uid);
}

const forms: readonly [string, Buffer, string][] = [
  ['no closing boundary', Buffer.concat([lead('file'), BYTES]), FORM_TYPE],
  ['a cut closing boundary', Buffer.concat([lead('file'), BYTES, END.subarray(0, -6)]), FORM_TYPE],
  ['another field name', Buffer.concat([lead('data'), BYTES, END]), FORM_TYPE],
  [
    'two files',
    Buffer.concat([lead('file'), BYTES, Buffer.from('\r\n'), lead('file'), BYTES, END]),
    FORM_TYPE,
  ],
  ['no part at all', Buffer.from(`--${BOUNDARY}--\r\n`), FORM_TYPE],
  ['an empty body', Buffer.alloc(0), FORM_TYPE],
  ['no boundary in the type', Buffer.concat([lead('file'), BYTES, END]), 'multipart/form-data'],
  [
    'another boundary in the type',
    Buffer.concat([lead('file'), BYTES, END]),
    'multipart/form-data; boundary=other',
  ],
  ['raw bytes', BYTES, 'application/octet-stream'],
  ['JSON', Buffer.from('{"file":"x"}'), 'application/json'],
  ['a type that is none', BYTES, 'nonsense'],
];

test.each(forms)('%s is 422 and leaves nothing behind', async (_name, body, contentType) => {
  failed(await put(body, contentType), 422);
  failed(await put(body, contentType, '/upload/multi', { chunkNum: '1' }), 422);
  await untouched();
});

test('no Content-Type at all is 422', async () => {
  const response = await raw(
    `PUT ${BASE}/upload?${query()} HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello`,
  );
  expect(response).toMatch(/^HTTP\/1\.1 422 /);
  expect(response).toContain('{"code":422,');
  await untouched();
});

test('an encoded body is refused', async () => {
  const body = Buffer.concat([lead('file'), BYTES, END]);
  const headers = { 'content-type': FORM_TYPE, 'content-encoding': 'gzip' };
  failed(
    await client.call('PUT', `/upload?${query()}`, { body: Uint8Array.from(body), headers }),
    422,
    /gzip/,
  );
  await untouched();
});

test('other fields around the file do not matter', async () => {
  const field = Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; name="note"\r\n\r\nhello\r\n`);
  succeeded(await put(Buffer.concat([field, lead('file'), BYTES, END]), FORM_TYPE));
  expect((await client.bytesOf(link.uid)).equals(BYTES)).toBe(true);
});

test('a connection that ends in the middle leaves nothing behind', async () => {
  const { port } = new URL(service.url);
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  const length = lead('file').length + BYTES.length + END.length;
  socket.write(
    `PUT ${BASE}/upload?${query()} HTTP/1.1\r\nhost: x\r\ncontent-type: ${FORM_TYPE}\r\ncontent-length: ${length}\r\n\r\n`,
  );
  socket.write(Buffer.concat([lead('file'), BYTES.subarray(0, 200_000)]));
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 200));
  await untouched();
});

test('the answer to a body that is still coming reaches the client', async () => {
  const length = 500 * 1024 * 1024;
  const parameters = query({ signature: 'k1.wrong' });
  const answer = await raw(
    `PUT ${BASE}/upload?${parameters} HTTP/1.1\r\nhost: x\r\ncontent-type: ${FORM_TYPE}\r\ncontent-length: ${length}\r\n\r\n`,
    Buffer.concat([lead('file'), content(600_000, 'endless')]),
  );
  expect(answer).toMatch(/^HTTP\/1\.1 422 /);
  expect(answer).toContain('"data":""');
  await untouched();
});

test('a refused upload is told before its body when the client waits for that', async () => {
  const answer = await raw(
    `PUT ${BASE}/upload?${query({ md5: 'no' })} HTTP/1.1\r\nhost: x\r\ncontent-type: ${FORM_TYPE}\r\n` +
      'content-length: 1000000\r\nexpect: 100-continue\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 422 /);
  expect(answer).not.toContain('100 Continue');
  await untouched();
});

test('a client that goes silent is told and leaves nothing behind', async () => {
  const hasty = new URL(await service.also({ idleTimeoutMs: 200 }));
  const answer = await raw(
    `PUT ${BASE}/upload?${query()} HTTP/1.1\r\nhost: x\r\ncontent-type: ${FORM_TYPE}\r\ncontent-length: 500000\r\n\r\n`,
    Buffer.concat([lead('file'), BYTES.subarray(0, 1000)]),
    Number(hasty.port),
  );
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(answer).toContain('{"code":408,');
  await untouched();
});

test('a merge ignores what is sent as its body', async () => {
  succeeded(await client.part(link, 1, BYTES));
  const merge = new URLSearchParams({ ...Object.fromEntries(query()), num: '1', size: String(BYTES.length) });
  const headers = { 'content-type': 'application/json' };
  succeeded(await client.call('PUT', `/upload/merge?${merge}`, { body: '{"x":', headers }));
});

/** Sends bytes as they are and returns what comes back until the server ends the connection. */
async function raw(head: string, body: Buffer = Buffer.alloc(0), port = Number(new URL(service.url).port)) {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within ten seconds')));
  socket.write(head);
  socket.write(body);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
