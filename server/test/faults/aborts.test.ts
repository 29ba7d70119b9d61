import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client, md5Of, uploadParameters } from '../e2e/osproxy-v0/client.ts';
import { hex, RestClient, random as randomBytes, times } from '../e2e/rest/client.ts';
import { type RunningService, startService } from '../e2e/service.ts';
import { type Baseline, handlesOf, leftBehind, metric, residentMib, settles } from './probe.ts';
import { Random, testSeed } from './random.ts';
import { BOUNDARY, chunked, form, head, LEAVINGS, type Leaving, RawClient } from './raw-client.ts';
import { namedKeys, objectKeys, query } from './store-folder.ts';

const IDLE_SECONDS = 2;
const MIB = 1024 * 1024;

let service: RunningService;
let rest: RestClient;
let v0: Client;
let random: Random;
let baseline: Baseline;
let key: Record<string, string>;

beforeAll(async () => {
  service = await startService({
    env: {
      OSPROXY_HTTP_IDLE_TIMEOUT_SECONDS: String(IDLE_SECONDS),
      OSPROXY_HTTP_KEEP_ALIVE_SECONDS: '1',
      OSPROXY_PURGE_GRACE_SECONDS: '1',
      OSPROXY_PURGE_INTERVAL_SECONDS: '1',
      // Content must come from the disk, so that handles and buffers are at stake.
      OSPROXY_CACHE_SMALL_OBJECTS_MIB: '0',
    },
  });
  random = new Random(testSeed());
  rest = new RestClient(service.url, service.apiKey);
  v0 = new Client(service.url, service.apiKey);
  key = { authorization: `Bearer ${service.apiKey}` };
  const pid = service.process.pid ?? 0;
  const { sockets } = await handlesOf(pid);
  // Everything that is opened once and kept is open after this.
  await cutUploads('warm-up');
  await settles(10_000, async () => {
    const now = await handlesOf(pid);
    return now.sockets > sockets ? `${now.sockets} sockets instead of ${sockets}` : undefined;
  });
  baseline = { pid, url: service.url, dataDir: service.dataDir, handles: await handlesOf(pid) };
});

afterAll(async () => {
  rest.close();
  await service.close();
});

/** Nothing of a broken exchange may outlive it for longer than this. */
const nothingIsLeft = (): Promise<void> => settles(12_000, () => leftBehind(baseline));

interface Request {
  readonly name: string;
  readonly lead: Buffer;
  readonly body: Buffer;
}

async function uploadsOf(bytes: Buffer, name: string): Promise<Request[]> {
  const raw = { ...key, 'content-length': bytes.length };
  const formed = form(bytes);
  const formHeaders = {
    ...key,
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    'content-length': formed.length,
  };
  const link = await v0.uploadLink(`${name}.bin`);
  const partLink = await v0.uploadLink(`${name}-parts.bin`);
  const single = new URLSearchParams({ ...uploadParameters(link.url.single), md5: md5Of(bytes) });
  const part = new URLSearchParams({
    ...uploadParameters(partLink.url.multi.upload),
    md5: md5Of(bytes),
    chunkNum: '1',
  });
  const base = '/api/storage/v0';
  const open = await rest.open({ name });
  const chunks = chunked(bytes, 10_000);
  return [
    { name: 'raw', lead: head('PUT', `/api/v1/files/${name}`, raw), body: bytes },
    { name: 'form', lead: head('POST', `/api/v1/files?name=${name}`, formHeaders), body: formed },
    { name: 'part', lead: head('PUT', `/api/v1/uploads/${open}/parts/1`, raw), body: bytes },
    { name: 'v0 form', lead: head('PUT', `${base}/upload?${single}`, formHeaders), body: formed },
    { name: 'v0 part', lead: head('PUT', `${base}/upload/multi?${part}`, formHeaders), body: formed },
    {
      name: 'chunked',
      lead: head('PUT', `/api/v1/files/${name}`, { ...key, 'transfer-encoding': 'chunked' }),
      body: chunks,
    },
  ];
}

async function cutAt(request: Request, offset: number, how: Leaving): Promise<void> {
  const client = await RawClient.open(service.url);
  const bytes = Buffer.concat([request.lead, request.body]).subarray(0, offset);
  const step = random.pick([1000, 70_000, bytes.length]) ?? bytes.length;
  for (let at = 0; at < bytes.length; at += step) await client.send(bytes.subarray(at, at + step));
  if (random.chance(0.5)) await sleep(random.between(1, 20));
  client.leave(how);
  await client.closedWithin(5000);
  const ok = client.statuses.filter((status) => status >= 200 && status < 300);
  expect(ok, `${request.name} cut at ${offset} of ${request.lead.length + request.body.length}`).toEqual([]);
}

/** Every way to upload, cut in every way at random places, the very last byte included. */
async function cutUploads(name: string): Promise<void> {
  const requests = await uploadsOf(randomBytes(300_000), name);
  await Promise.all(
    requests.flatMap((request) =>
      LEAVINGS.map(async (how) => {
        const whole = request.lead.length + request.body.length;
        const inHead = random.between(1, request.lead.length);
        const inBody = random.between(request.lead.length, whole - 1);
        for (const offset of [inHead, request.lead.length, inBody, whole - 1])
          await cutAt(request, offset, how);
      }),
    ),
  );
}

test('a client that goes away in the middle of any upload leaves nothing', async () => {
  await cutUploads('cut');
  const { json } = await rest.call('GET', '/files?prefix=cut');
  expect(json.files).toEqual([]);
  const parts = query(service.dataDir, 'select upload_uid, number from upload_parts');
  expect(parts).toEqual([]);
  await nothingIsLeft();
  expect((await objectKeys(service.dataDir)).length).toBe(namedKeys(service.dataDir).length);
});

test('a client that closes its sending side after the whole body leaves a whole file or none', async () => {
  const bytes = randomBytes(200_000);
  for (let round = 0; round < 10; round += 1) {
    const client = await RawClient.open(service.url);
    await client.send(head('PUT', '/api/v1/files/half-closed', { ...key, 'content-length': bytes.length }));
    await client.send(bytes);
    await sleep(random.between(0, 30));
    client.leave('half-close');
    await client.closedWithin(5000);
    expect([[], [201]]).toContainEqual(client.statuses);
  }
  const { json } = await rest.call('GET', '/files?prefix=half-closed');
  for (const { uid } of json.files) expect((await rest.content(uid)).bytes.equals(bytes)).toBe(true);
  await nothingIsLeft();
});

test('a client that goes away in the middle of a download frees everything behind it', async () => {
  const bytes = randomBytes(6 * MIB);
  const whole = await rest.put('download-me', bytes);
  const parts = await rest.putParts([bytes.subarray(0, 2 * MIB), bytes.subarray(2 * MIB)], {
    name: 'in-parts',
  });
  const cut = async (uid: string, how: Leaving) => {
    const client = await RawClient.open(service.url);
    const range = random.chance(0.5) ? { range: `bytes=${random.between(0, MIB)}-` } : {};
    await client.send(head('GET', `/api/v1/files/${uid}/content`, { ...key, ...range }));
    const stopAt = random.between(0, 4 * MIB);
    let left = false;
    client.socket.on('data', () => {
      if (left || client.bytes <= stopAt) return;
      left = true;
      client.leave(how === 'half-close' ? 'close' : how);
    });
    if (how === 'half-close') client.socket.end();
    await client.closedWithin(10_000);
  };
  await times(36, (index) => cut(index % 2 === 0 ? whole.uid : parts.uid, LEAVINGS[index % 3] ?? 'reset'));
  await nothingIsLeft();
  expect((await rest.content(parts.uid)).bytes.equals(bytes)).toBe(true);
});

test('a client that stops reading is cut after the idle time, one that reads slowly is not', async () => {
  const bytes = randomBytes(24 * MIB);
  const { uid } = await rest.put('big', bytes);
  const request = head('GET', `/api/v1/files/${uid}/content`, { ...key, connection: 'close' });
  const silent = await RawClient.open(service.url);
  const slow = await RawClient.open(service.url);
  silent.socket.pause();
  // A window's worth at a time: less than the kernel's buffers hold would not be seen by the other side.
  let pauses = 0;
  slow.socket.on('data', () => {
    if (slow.bytes < (pauses + 1) * MIB) return;
    pauses += 1;
    slow.socket.pause();
    setTimeout(() => slow.socket.resume(), (IDLE_SECONDS * 1000) / 8);
  });
  await Promise.all([silent.send(request), slow.send(request)]);
  await settles(5000, async () => {
    const open = await metric(service.url, 'osproxy_open_transfers{direction="out"}');
    return open < 2 ? `only ${open} downloads have begun` : undefined;
  });
  const startedAt = Date.now();
  await settles(25_000, async () => {
    const open = await metric(service.url, 'osproxy_open_transfers{direction="out"}');
    return open > 0 ? `${open} downloads` : undefined;
  });
  expect(Date.now() - startedAt).toBeGreaterThan(IDLE_SECONDS * 1000 - 500);
  await slow.closedWithin(20_000);
  expect(Date.now() - startedAt).toBeGreaterThan(IDLE_SECONDS * 2000);
  expect(slow.bytes).toBeGreaterThan(bytes.length);
  silent.socket.resume();
  await silent.closedWithin(5000);
  expect(silent.bytes).toBeLessThan(bytes.length);
  await rest.call('DELETE', `/files/${uid}`);
  await nothingIsLeft();
});

test('bytes after the announced length are not part of the file', async () => {
  const bytes = randomBytes(1000);
  for (const waits of [false, true]) {
    const client = await RawClient.open(service.url);
    await client.send(head('PUT', '/api/v1/files/longer', { ...key, 'content-length': 600 }));
    await client.send(bytes.subarray(0, 600));
    if (waits) await settles(10_000, async () => (client.statuses.length === 1 ? undefined : 'no answer'));
    await client.send(bytes.subarray(600));
    await client.closedWithin(5000);
    expect(client.statuses.at(-1)).toBe(400);
    if (waits) expect(client.statuses).toEqual([201, 400]);
  }
  const { json } = await rest.call('GET', '/files?prefix=longer');
  expect(json.files.length).toBeGreaterThan(0);
  for (const { uid } of json.files) {
    expect((await rest.content(uid)).bytes.equals(bytes.subarray(0, 600))).toBe(true);
  }
  await nothingIsLeft();
});

test('broken chunked bodies leave nothing', async () => {
  const bytes = randomBytes(50_000);
  const whole = chunked(bytes, 9000);
  const bodies: Record<string, Buffer> = {
    'cut inside a chunk': whole.subarray(0, 20_000),
    'without the last chunk': whole.subarray(0, -5),
    'without the last line': whole.subarray(0, -2),
    'with a size that is no number': Buffer.concat([
      whole.subarray(0, -5),
      Buffer.from('xyz\r\nab\r\n0\r\n\r\n'),
    ]),
    'with a chunk longer than its size': Buffer.from('3\r\nabcdef\r\n0\r\n\r\n'),
  };
  for (const [name, body] of Object.entries(bodies)) {
    for (const how of LEAVINGS) {
      const client = await RawClient.open(service.url);
      const path = `/api/v1/files/${encodeURIComponent(`chunked ${name}`)}`;
      await client.send(head('PUT', path, { ...key, 'transfer-encoding': 'chunked' }));
      await client.send(body);
      await sleep(10);
      client.leave(how);
      await client.closedWithin(5000);
      expect(
        client.statuses.filter((status) => status < 400),
        `${name}, ${how}`,
      ).toEqual([]);
    }
  }
  expect((await rest.call('GET', '/files?prefix=chunked')).json.files).toEqual([]);
  await nothingIsLeft();
});

test('a slow sender is waited for, a silent one gets 408 after the idle time', async () => {
  const bytes = randomBytes(100_000);
  const lead = (name: string) =>
    head('PUT', `/api/v1/files/${name}`, { ...key, 'content-length': bytes.length });
  const [slow, silent, silentForm] = await Promise.all([1, 2, 3].map(() => RawClient.open(service.url)));
  if (slow === undefined || silent === undefined || silentForm === undefined) throw new Error('no clients');
  const startedAt = Date.now();
  const formed = form(bytes);
  const formHeaders = {
    ...key,
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    'content-length': formed.length,
  };
  await silent.send(Buffer.concat([lead('silent'), bytes.subarray(0, 50_000)]));
  await silentForm.send(head('POST', '/api/v1/files?name=silent', formHeaders));
  await silentForm.send(formed.subarray(0, 50_000));
  const sendSlowly = async () => {
    await slow.send(lead('slow'));
    for (let at = 0; at < bytes.length; at += 20_000) {
      await sleep((IDLE_SECONDS * 1000) / 3);
      await slow.send(bytes.subarray(at, at + 20_000));
    }
    await settles(3000, async () => (slow.statuses.length === 0 ? 'no answer to the slow one' : undefined));
    slow.leave('close');
  };
  const cut = async (client: RawClient) => {
    await client.closedWithin(IDLE_SECONDS * 1000 + 5000);
    expect(Date.now() - startedAt).toBeGreaterThan(IDLE_SECONDS * 1000 - 200);
    expect(client.statuses).toEqual([408]);
  };
  await Promise.all([sendSlowly(), cut(silent), cut(silentForm)]);
  expect(slow.statuses).toEqual([201]);
  expect((await rest.call('GET', '/files?prefix=silent')).json.files).toEqual([]);
  await nothingIsLeft();
});

test('200 uploads of the same content at once are 200 files on one object', async () => {
  const bytes = randomBytes(700_000);
  const sha256 = hex('sha256', bytes);
  const files = await times(200, (index) =>
    index % 4 === 0 ? rest.putParts([bytes], { name: `same-${index}` }) : rest.put(`same-${index}`, bytes),
  );
  expect(new Set(files.map(({ uid }) => uid)).size).toBe(200);
  for (const file of files) expect(file.size).toBe(bytes.length);
  const last = await rest.content(files.at(-1)?.uid ?? '');
  expect(last.bytes.equals(bytes)).toBe(true);
  await nothingIsLeft();
  await settles(10_000, async () => {
    const objects = await objectKeys(service.dataDir);
    const named = namedKeys(service.dataDir);
    return objects.join() === named.join() ? undefined : `${objects.length} objects, ${named.length} named`;
  });
  const placed = query(
    service.dataDir,
    'select p.key from blobs b join placements p on p.blob_id = b.id where b.sha256 = ?',
    sha256,
  );
  expect(placed.length).toBe(1);
});

test('neither memory nor handles grow with broken exchanges', { timeout: 90_000 }, async () => {
  for (let round = 0; round < 3; round += 1) await cutUploads(`settle-${round}`);
  await nothingIsLeft();
  const before = await residentMib(baseline.pid);
  for (let round = 0; round < 12; round += 1) await cutUploads(`grow-${round}`);
  await nothingIsLeft();
  // 12 rounds send about 130 MB in 900 requests: what a request kept would show.
  expect((await residentMib(baseline.pid)) - before).toBeLessThan(64);
  expect(await metric(service.url, 'osproxy_tasks{type="compose",state="running"}')).toBe(0);
  const lines = service.lines.filter((line) => /"level":"(error|fatal)"/.test(line) || !line.startsWith('{'));
  expect(lines).toEqual([]);
});
