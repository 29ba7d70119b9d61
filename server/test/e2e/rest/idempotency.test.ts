import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { type Answer, base64, createKey, hex, RestClient, random, times } from './client.ts';

let service: RunningService;
let client: RestClient;
let stranger: RestClient;

beforeAll(async () => {
  service = await startService();
  client = new RestClient(service.url, service.apiKey);
  stranger = new RestClient(service.url, await createKey(service, 'stranger', 'read,write'));
});
afterAll(async () => {
  client?.close();
  stranger?.close();
  await service?.close();
});

const BOUNDARY = 'b0undary';
function form(bytes: Buffer, name = 'a.bin') {
  return {
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    body: Buffer.concat([
      Buffer.from(
        `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n` +
          'content-type: application/octet-stream\r\n\r\n',
      ),
      bytes,
      Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
    ]),
  };
}

type Send = (key: string, bytes: Buffer, who?: RestClient) => Promise<Answer>;

const WAYS: readonly [string, Send][] = [
  [
    'POST /uploads',
    (key, bytes, who = client) =>
      who.call('POST', '/uploads', {
        headers: { 'idempotency-key': key },
        json: { name: `a${bytes.length}.bin`, size: bytes.length },
      }),
  ],
  [
    'PUT /files/:name',
    (key, body, who = client) =>
      who.call('PUT', '/files/a.bin', { headers: { 'idempotency-key': key }, body }),
  ],
  [
    'POST /files',
    (key, bytes, who = client) => {
      const { body, ...headers } = form(bytes, `a${bytes.length}.bin`);
      return who.call('POST', '/files', { headers: { 'idempotency-key': key, ...headers }, body });
    },
  ],
];

test.each(WAYS)('%s answers a repeat with the same body', async (way, send) => {
  const bytes = random(100);
  const first = await send(`repeat ${way}`.replaceAll(' ', '_'), bytes);
  const again = await send(`repeat ${way}`.replaceAll(' ', '_'), bytes);
  expect([first.status, again.status]).toEqual([201, 200]);
  expect(again.json).toEqual(first.json);
  expect(again.headers.location).toBe(first.headers.location);
});

test.each(WAYS)('%s gives 20 simultaneous requests one result', async (way, send) => {
  const bytes = random(80_000);
  const answers = await times(20, () => send(`once-${WAYS.findIndex(([name]) => name === way)}`, bytes));
  expect(new Set(answers.map((answer) => answer.json.uid)).size).toBe(1);
  expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
  expect(answers.filter((answer) => answer.status === 200)).toHaveLength(19);
  expect(new Set(answers.map((answer) => JSON.stringify(answer.json))).size).toBe(1);
});

test.each(WAYS)('%s refuses a key that came with another request', async (way, send) => {
  const key = `other-${WAYS.findIndex(([name]) => name === way)}`;
  await send(key, random(10));
  const refused = await send(key, random(11));
  expect(refused.json).toMatchObject({ status: 409, code: 'Conflict' });
});

const BODIES = WAYS.slice(1);
test.each(BODIES)(
  '%s refuses the key with other bytes of the same size, and keeps nothing',
  async (way, send) => {
    const key = `bytes-${BODIES.findIndex(([name]) => name === way)}`;
    for (const size of [100, 300_000]) {
      const bytes = random(size);
      const first = await send(`${key}-${size}`, bytes);
      expect(first.status).toBe(201);
      const refused = await send(`${key}-${size}`, random(size));
      expect(refused.json).toMatchObject({ status: 409, code: 'Conflict', retryable: false });
      const again = await send(`${key}-${size}`, bytes);
      expect([again.status, again.json.uid]).toEqual([200, first.json.uid]);
    }
    const objects = (await client.call('GET', '/files?limit=1000')).json.files.length;
    await send(`${key}-100`, random(100));
    expect((await client.call('GET', '/files?limit=1000')).json.files).toHaveLength(objects);
  },
);

test('of simultaneous requests with one key and different bytes those with the first bytes succeed', async () => {
  const [, put] = WAYS[1] as [string, Send];
  const bodies = [random(50_000), random(50_000)];
  const answers = await times(12, (index) => put('race', bodies[index % 2] ?? Buffer.alloc(0)));
  const [winner] = answers.filter(({ status }) => status === 201);
  const won = bodies.findIndex((body) => hex('sha256', body) === winner?.json.sha256);
  expect(answers.map(({ status }) => (status === 201 ? 200 : status))).toEqual(
    answers.map((_, index) => (index % 2 === won ? 200 : 409)),
  );
});

test('a client that waits to be asked, and declared the digest, is not asked for the bytes again', async () => {
  const bytes = random(3000);
  const digest = { 'content-digest': `sha-256=:${base64('sha256', bytes)}:` };
  const headers = { 'idempotency-key': 'asked', ...digest };
  const first = await client.call('PUT', '/files/a.bin', { headers, body: bytes });
  expect(first.status).toBe(201);
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  const head = [
    'PUT /api/v1/files/a.bin HTTP/1.1',
    'host: test',
    `authorization: Bearer ${service.apiKey}`,
    'idempotency-key: asked',
    `content-digest: ${digest['content-digest']}`,
    `content-length: ${bytes.length}`,
    'expect: 100-continue',
    'connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 200 /);
});

test('a key of one call is no key of another, and owners do not share keys', async () => {
  const bytes = random(10);
  const [, put] = WAYS[1] as [string, Send];
  const [, post] = WAYS[2] as [string, Send];
  const mine = await put('shared', bytes);
  const sameFacts = await client.call('PUT', `/files/a${bytes.length}.bin`, {
    headers: { 'idempotency-key': 'calls', 'content-type': 'application/octet-stream' },
    body: (async function* () {
      yield bytes;
    })(),
  });
  expect(sameFacts.status).toBe(201);
  expect((await post('calls', bytes)).json).toMatchObject({ status: 409, code: 'Conflict' });
  const theirs = await put('shared', bytes, stranger);
  expect(theirs.status).toBe(201);
  expect(theirs.json.uid).not.toBe(mine.json.uid);
});

test('a client that sends its whole body before it listens hears the answer to a repeat', async () => {
  const body = random(32 * 1024 * 1024);
  const headers = { 'idempotency-key': 'large' };
  const first = await client.call('PUT', '/files/large.bin', { headers, body });
  expect(first.status).toBe(201);
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  socket.pause();
  const head = [
    'PUT /api/v1/files/large.bin HTTP/1.1',
    'host: test',
    `authorization: Bearer ${service.apiKey}`,
    'idempotency-key: large',
    `content-length: ${body.length}`,
    'connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.write(body, (error) => (error ? reject(error) : resolve()));
  });
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  const answer = Buffer.concat(chunks).toString();
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).toContain(first.json.uid);
});

test('a failed request leaves its key free', async () => {
  const headers = { 'idempotency-key': 'failed' };
  const digest = { 'content-md5': Buffer.alloc(16).toString('base64') };
  const failed = await client.call('PUT', '/files/a', { headers: { ...headers, ...digest }, body: 'abc' });
  expect(failed.status).toBe(422);
  expect((await client.call('PUT', '/files/a', { headers, body: 'abc' })).status).toBe(201);
});

test.each(['', 'with space', 'ä', 'k'.repeat(256)])('the key %j is refused', async (key) => {
  const refused = await client.call('POST', '/uploads', {
    headers: { 'idempotency-key': Buffer.from(key).toString('latin1') },
    json: { name: 'a' },
  });
  expect(refused.json).toMatchObject({ status: 400, details: { field: 'Idempotency-Key' } });
});
