import { afterAll, beforeAll, expect, test } from 'vitest';
import { settles } from '#test/faults/probe.ts';
import { RawClient } from '#test/faults/raw-client.ts';
import { Client, dataOf, type UploadLink } from '../osproxy-v0/client.ts';
import { type RestClient, random, times } from '../rest/client.ts';
import type { RunningService } from '../service.ts';
import { clientsOfEach, processesByRequest, registeredNodes, startNode, workersOf } from './node.ts';

const WORKERS = 3;

let service: RunningService;
let clients: RestClient[];
let one: RestClient;
let two: RestClient;
beforeAll(async () => {
  service = await startNode(WORKERS, { env: { OSPROXY_HTTP_HEADERS_TIMEOUT_SECONDS: '1' } });
  clients = await clientsOfEach(service, WORKERS);
  [one, two] = clients as [RestClient, RestClient];
});
afterAll(async () => {
  for (const client of clients ?? []) client.close();
  await service?.close();
});

test('every process serves, log lines say which, and the registry knows one node', async () => {
  const files = await Promise.all(clients.map((client) => client.put('a.bin', random(50_000))));
  for (const { uid } of files)
    for (const client of clients) expect((await client.content(uid)).status).toBe(200);
  await settles(2000, async () => {
    const processes = new Set(processesByRequest(service).values());
    return processes.size === WORKERS ? undefined : `lines of ${[...processes]}`;
  });
  expect(await workersOf(service)).toHaveLength(WORKERS);
  expect(registeredNodes(service.dataDir)).toHaveLength(1);
  expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
});

test('the parts of one upload go through all of them', async () => {
  const parts = await times(9, async () => random(100_000));
  const uid = await one.open({ name: 'all.bin' });
  for (const [index, part] of parts.entries()) {
    const client = clients[index % WORKERS] ?? one;
    expect((await client.part(uid, index + 1, part)).status).toBe(200);
  }
  expect((await two.complete(uid)).status).toBe(200);
  for (const client of clients)
    expect((await client.content(uid)).bytes.equals(Buffer.concat(parts))).toBe(true);
});

test('what one process deletes, renames or revokes is seen by the others at once', async () => {
  for (let round = 0; round < 15; round += 1) {
    const acting = clients[round % WORKERS] ?? one;
    const { uid } = await acting.put('before.bin', random(100));
    const link = await acting.call('POST', `/files/${uid}/links`, { json: { expiresIn: 60 } });
    for (const client of clients) {
      expect((await client.call('GET', `/files/${uid}`)).json.name).toBe('before.bin');
      expect((await client.call('GET', link.json.url)).status).toBe(200);
    }
    expect((await acting.call('PATCH', `/files/${uid}`, { json: { name: 'after.bin' } })).status).toBe(200);
    for (const client of clients)
      expect((await client.call('GET', `/files/${uid}`)).json.name).toBe('after.bin');
    expect((await acting.call('DELETE', `/files/${uid}/links`)).status).toBe(204);
    for (const client of clients)
      expect((await client.call('GET', link.json.url, { headers: { authorization: '' } })).status).not.toBe(
        200,
      );
    expect((await acting.call('DELETE', `/files/${uid}`)).status).toBe(204);
    for (const client of clients) expect((await client.content(uid)).status).toBe(404);
  }
});

test('/metrics of any process counts for all of them', async () => {
  const read = async () => (await (await fetch(`${service.url}/metrics`)).text()).split('\n');
  const value = (lines: string[], name: string) =>
    Number(
      lines
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')
        .at(-1),
    );
  const series = 'osproxy_http_requests_total{method="GET",route="/api/v1/files/:uid",status="404"}';
  const before = value(await read(), series) || 0;
  for (const client of clients) for (let call = 0; call < 5; call += 1) await client.call('GET', '/files/1');
  await settles(2000, async () => {
    const counted = value(await read(), series) - before;
    return counted === 5 * WORKERS ? undefined : `${counted} requests`;
  });
  const lines = await read();
  expect(value(lines, 'osproxy_processes')).toBe(WORKERS);
  // Counted in the database, which all of them see: not added up.
  expect(value(lines, 'osproxy_tasks{type="purge",state="pending"}')).toBeLessThanOrEqual(1);
  expect(lines.filter((line) => line.startsWith('# TYPE osproxy_http_requests_total '))).toHaveLength(1);
});

test('no uid comes twice', async () => {
  const rounds = 120;
  const uids = new Set<string>();
  const v0 = new Client(service.url, service.apiKey);
  const names = Array.from({ length: 50 }, (_, index) => `${index}.bin`);
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      for (let round = 0; round < rounds / 12; round += 1) {
        for (const { uid } of dataOf(await v0.post<UploadLink[]>('/link/upload', { filePath: names })))
          uids.add(uid);
      }
    }),
  );
  expect(uids.size).toBe(rounds * names.length);
});

test('headers that do not come in time are refused by every process', async () => {
  await Promise.all(
    Array.from({ length: WORKERS }, async () => {
      const slow = await RawClient.open(service.url);
      await slow.send('GET /healthz HTTP/1.1\r\nhost: x\r\n');
      await slow.closedWithin(5000);
      expect(slow.statuses).toEqual([408]);
    }),
  );
});
