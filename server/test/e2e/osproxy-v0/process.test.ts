import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { Client, content, dataOf, failed, md5Of } from './client.ts';

const BYTES = content(3 * 1024 * 1024 + 9, 'process');
let service: RunningService;
let client: Client;

beforeAll(async () => {
  service = await startService({ env: { OSPROXY_LOG_LEVEL: 'info' } });
  client = new Client(service.url, service.apiKey);
});

afterAll(() => service.close());

test('the whole service: upload, download, resume once verified, and no signature in the log', async () => {
  const link = await client.uploadLink('whole.bin');
  await client.uploadMulti(link, BYTES);
  expect((await client.bytesOf(link.uid)).equals(BYTES)).toBe(true);
  expect(dataOf(await client.get('/proxy', { uid: link.uid }))).toBe(service.url);
  expect(dataOf(await client.get('/ping'))).toBe('pong');
  let uid = '';
  for (let round = 0; round < 100 && uid === ''; round += 1) {
    const data = [{ md5: md5Of(BYTES), path: 'again.bin' }];
    uid = dataOf(await client.post<{ uid: string }[]>('/resume', { data }))[0]?.uid ?? '';
    if (uid === '') await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect((await client.bytesOf(uid)).equals(BYTES)).toBe(true);
  failed(await new Client(service.url).post('/link/upload', { filePath: ['a.txt'] }), 401);

  const signature = new URL(link.url.single, 'http://host').searchParams.get('signature') ?? '';
  // The log may come a moment after the answers.
  await expect
    .poll(() => service.lines.join('\n'))
    .toMatch(/"route":"\/api\/storage\/v0\/link\/upload","status":401/);
  const log = service.lines.join('\n');
  expect(log).toContain('/upload/merge');
  // The data folder was empty: nothing on the way from there to here is worth a warning.
  expect(service.lines.filter((line) => /"level":"(warn|error|fatal)"/.test(line))).toEqual([]);
  expect(log).not.toContain(signature);
});

test('links made before a restart are good after it', async () => {
  const uid = await client.upload('kept.txt', content(100, 'kept'));
  const download = await client.downloadLink(uid);
  const upload = await client.uploadLink('continued.bin');
  await client.part(upload, 1, BYTES.subarray(0, 1024 * 1024));
  await service.kill();
  service = await startService({ dataDir: service.dataDir });
  client = new Client(service.url, service.apiKey);
  const response = await client.download(download);
  expect(response.status).toBe(200);
  expect(Buffer.from(await response.arrayBuffer())).toEqual(content(100, 'kept'));
  const stored = dataOf(await client.get<number[]>('/checkpoint', { uid: upload.uid }));
  expect(stored).toEqual([1]);
  await client.merge(upload, BYTES, await client.sendParts(upload, BYTES, stored));
  expect((await client.bytesOf(upload.uid)).equals(BYTES)).toBe(true);
});

test('OSPROXY_V0_ANONYMOUS opens the keyed calls', async () => {
  const open = await startService({ env: { OSPROXY_V0_ANONYMOUS: 'true' } });
  try {
    const nobody = new Client(open.url);
    expect(await nobody.bytesOf(await nobody.upload('a.txt', content(50, 'open')))).toEqual(
      content(50, 'open'),
    );
  } finally {
    await open.close();
  }
});
