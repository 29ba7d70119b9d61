import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { md5Of } from '../access/world.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

const LINK_SECRET = 'the-secret-that-signs-links-in-this-test-0001';
const MEBIBYTE = 1024 * 1024;
/** Requests that are under way at once. */
const BATCH = 20;

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly requestId?: string;
  readonly url?: string;
  readonly status?: number;
}

describe('the log', () => {
  let service: RunningService;
  let client: RestClient;
  beforeAll(async () => {
    const keys = JSON.stringify([{ id: 'test', secret: LINK_SECRET }]);
    service = await startService({ env: { OSPROXY_LINKS_KEYS: keys, OSPROXY_LOG_LEVEL: 'debug' } });
    client = new RestClient(service.url, service.apiKey);
  });
  afterAll(async () => {
    client?.close();
    await service?.close();
  });

  const parsed = (from = 0): Line[] => service.lines.slice(from).map((line) => JSON.parse(line));

  test('has one line of JSON per request, under the id of the answer', async () => {
    const from = service.lines.length;
    const ids: string[] = [];
    for (const [method, path] of [
      ['GET', '/files'],
      ['GET', '/files/1'],
      ['GET', '/nothing'],
      ['POST', '/uploads'],
      ['DELETE', '/files/none'],
    ] as const) {
      const answer = await client.call(method, path);
      const id = String(answer.headers['x-request-id']);
      ids.push(id);
      if (answer.status >= 400) expect(JSON.parse(answer.bytes.toString()).requestId).toBe(id);
    }
    expect(new Set(ids).size).toBe(ids.length);
    const requests = () => parsed(from).filter(({ msg }) => msg === 'request');
    await expect.poll(() => requests().map(({ requestId }) => requestId)).toEqual(ids);
    for (const line of requests()) {
      expect(line).toMatchObject({ level: 'info', status: expect.any(Number), url: expect.any(String) });
    }
  });

  test('keeps a harmless id of the caller, and gives a new one for any other', async () => {
    const sent = async (id: string) =>
      (await client.call('GET', '/files', { headers: { 'x-request-id': id } })).headers['x-request-id'];
    expect(await sent('order-4711')).toBe('order-4711');
    for (const id of ['a b', '"quoted"', 'x'.repeat(129), '{"level":"fatal"}'])
      expect(await sent(id)).not.toBe(id);
    await expect.poll(() => parsed().some(({ requestId }) => requestId === 'order-4711')).toBe(true);
  });

  test('holds no key, no token, no signature and no content, whatever goes right or wrong', async () => {
    const content = 'content-that-nobody-may-read-in-a-log';
    const { uid } = await client.put('a.txt', content);
    const { json: link } = await client.call('POST', `/files/${uid}/links`, { json: {} });
    const asked = await client.call('POST', '/api/storage/v0/link/download', {
      json: { uid: [uid], expire: 60 },
    });
    const v0Path = JSON.parse(asked.bytes.toString()).data[0].url as string;
    const signature = new URL(v0Path, 'http://host').searchParams.get('signature') ?? '';
    const wrong = 'osp_aaaaaaaaaaaa_a-wrong-key-that-is-nobodys';
    const nobody = new RestClient(service.url);
    const calls: readonly (readonly [string, string, object])[] = [
      ['GET', `/files/${uid}/content?link=${link.token}`, {}],
      ['GET', `/files/${uid}/content?%6cink=${link.token}`, {}],
      ['GET', `/files/${uid}/content?link=${link.token}x`, {}],
      ['GET', `/files/${uid}`, { headers: { authorization: `Link ${link.token}` } }],
      ['GET', `/files/999/content?link=${link.token}`, {}],
      ['GET', `/nowhere?link=${link.token}&signature=${signature}`, {}],
      ['GET', v0Path, {}],
      ['GET', v0Path.replace('signature=', 'a=1&Signature='), {}],
      ['GET', '/files', { headers: { 'x-api-key': wrong } }],
      ['GET', '/files', { headers: { authorization: `Bearer ${wrong}` } }],
      ['PUT', `/api/storage/v0/upload?uid=1&signature=${signature}&md5=${md5Of('x')}`, { body: content }],
      [
        'POST',
        '/uploads',
        { headers: { 'x-api-key': service.apiKey }, json: { name: content, bad: service.apiKey } },
      ],
    ];
    for (const [method, path, options] of calls) await nobody.call(method, path, options);
    nobody.close();
    await service.stop();
    const log = service.lines.join('\n');
    expect(log).toContain('[redacted]');
    const id = link.token.split('.').at(-1) ?? '';
    for (const secret of [service.apiKey, LINK_SECRET, link.token, id, signature, wrong, content]) {
      expect(secret.length).toBeGreaterThan(10);
      expect(log).not.toContain(secret);
    }
  });
});

test('a log file gets every line, is rotated by size and compressed, and the newest of the old ones are kept', async () => {
  const service = await startService({
    env: {
      OSPROXY_LOG_FILE_PATH: 'logs/osproxy.log',
      OSPROXY_LOG_FILE_MAX_SIZE_MIB: '1',
      OSPROXY_LOG_FILE_KEEP: '2',
      OSPROXY_LOG_FILE_COMPRESS: 'true',
    },
  });
  try {
    const folder = join(service.dataDir, 'logs');
    const long = 'x'.repeat(7000);
    let sent = 0;
    const send = async (until: number) => {
      while (sent < until) {
        const batch = Array.from({ length: BATCH }, (_, index) => sent + index);
        await Promise.all(batch.map((number) => fetch(`${service.url}/healthz?number=${number}&${long}`)));
        sent += batch.length;
      }
    };
    const files = async () => (await readdir(folder)).filter((name) => !name.startsWith('.'));
    const text = async (name: string) => {
      const bytes = await readFile(join(folder, name));
      return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
    };
    /** Numbers of the requests in all files; none while a file is just being moved. */
    const kept = async (): Promise<number[]> => {
      const texts = await Promise.all((await files()).map(text)).catch(() => []);
      const found = [...texts.join('').matchAll(/number=(\d+)/g)].map(([, number]) => Number(number));
      return found.sort((a, b) => a - b);
    };
    await send(200);
    await expect.poll(kept, { timeout: 10_000 }).toEqual(Array.from({ length: 200 }, (_, index) => index));
    expect(await files()).toHaveLength(2);

    await send(800);
    await expect.poll(async () => (await kept()).at(-1), { timeout: 10_000 }).toBe(799);
    await service.stop();
    const numbers = await kept();
    // Requests of one batch are logged in any order, so the oldest file may begin amid one of them.
    const first = (numbers[0] ?? 0) + 2 * BATCH;
    expect(first).toBeGreaterThan(300);
    expect(numbers.filter((number) => number >= first)).toEqual(
      Array.from({ length: 800 - first }, (_, index) => first + index),
    );
    expect((await files()).filter((name) => name.endsWith('.gz'))).toHaveLength(2);
    expect((await stat(join(folder, 'osproxy.log'))).size).toBeLessThan(2 * MEBIBYTE);
    const lines = (await text('osproxy.log')).trim().split('\n');
    expect(lines.at(-1)).toContain('"msg":"stopped"');
    expect(service.lines).toEqual(expect.arrayContaining(lines));
  } finally {
    await service.close();
  }
}, 60_000);
