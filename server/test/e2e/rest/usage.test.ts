import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RunningService, startService } from '../service.ts';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const WITHIN = { timeout: 15_000, interval: 50 };
const BIG = 64 * 1024 * 1024;

interface Total {
  readonly day?: string;
  readonly owner?: string;
  readonly key?: string;
  readonly store?: string;
  readonly uploads: number;
  readonly uploadedBytes: number;
  readonly downloads: number;
  readonly downloadedBytes: number;
  readonly failures: number;
}

describe('usage', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService({ env: { OSPROXY_USAGE_FLUSH_MILLISECONDS: '100' } });
  }, 60_000);
  afterAll(() => service?.close());

  const ask = (path: string, init: RequestInit = {}, key = service.apiKey) =>
    fetch(`${service.url}/api/v1${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string> | undefined) },
    });
  const put = async (name: string, body: Uint8Array<ArrayBuffer>, key?: string) =>
    ((await (await ask(`/files/${name}`, { method: 'PUT', body }, key)).json()) as { uid: string }).uid;
  const totals = async (query: string, key?: string): Promise<readonly Total[]> =>
    ((await (await ask(`/usage?${query}`, {}, key)).json()) as { totals: Total[] }).totals;
  const sum = async (): Promise<Total> =>
    (await totals('by=all'))[0] ?? {
      ...{ uploads: 0, uploadedBytes: 0, downloads: 0, downloadedBytes: 0, failures: 0 },
    };
  const grows = async (before: Total, by: Partial<Total>) => {
    await vi.waitFor(async () => {
      const after = await sum();
      for (const [name, amount] of Object.entries(by) as [keyof Total, number][])
        expect([name, Number(after[name]) - Number(before[name])]).toEqual([name, amount]);
    }, WITHIN);
  };
  const newKey = async (owner: string): Promise<string> => {
    const args = [MAIN, 'keys', 'create', '--name', 'n', '--owner', owner, '--scopes', 'read,write,links'];
    const env = { PATH: process.env.PATH, ...service.place };
    const { stdout } = await run(process.execPath, args, { env, cwd: service.dataDir });
    const secret = /osp_\S+/.exec(stdout)?.[0];
    if (secret === undefined) throw new Error(stdout);
    return secret;
  };

  test('counts whole and partial transfers, and nothing where no content moves', async () => {
    const before = await sum();
    const uid = await put('a.bin', new Uint8Array(1000));
    await (await ask(`/files/${uid}/content`)).arrayBuffer();
    await (await ask(`/files/${uid}/content`, { headers: { range: 'bytes=0-99' } })).arrayBuffer();
    await ask(`/files/${uid}/content`, { method: 'HEAD' });
    await ask(`/files/${uid}`);
    await ask(`/files/${uid}/content`, { headers: { 'if-none-match': '*' } });
    await ask('/files/123/content');
    await grows(before, {
      uploads: 1,
      uploadedBytes: 1000,
      downloads: 2,
      downloadedBytes: 1100,
      failures: 0,
    });
  });

  test('counts the parts of an upload as they come', async () => {
    const before = await sum();
    const made = await ask('/uploads', {
      ...{ method: 'POST', body: JSON.stringify({ name: 'b.bin', size: 300 }) },
      headers: { 'content-type': 'application/json' },
    });
    const { uid } = (await made.json()) as { uid: string };
    await ask(`/uploads/${uid}/parts/1`, { method: 'PUT', body: new Uint8Array(300) });
    const wrong = { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' };
    const refused = await ask(`/uploads/${uid}/parts/1`, {
      ...{ method: 'PUT', body: new Uint8Array(300), headers: wrong },
    });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect((await ask(`/uploads/${uid}/complete`, { method: 'POST' })).status).toBeLessThan(300);
    await grows(before, { uploads: 2, uploadedBytes: 600, failures: 1 });
  });

  test('counts what a client that went away took, as a failure', async () => {
    const uid = await put('big.bin', new Uint8Array(BIG));
    await vi.waitFor(async () => expect((await sum()).uploadedBytes).toBeGreaterThanOrEqual(BIG), WITHIN);
    const before = await sum();
    const path = `${service.url}/api/v1/files/${uid}/content`;
    await new Promise<void>((resolve, reject) => {
      const asking = request(path, { headers: { authorization: `Bearer ${service.apiKey}` } }, (answer) => {
        answer.once('data', () => {
          asking.destroy();
          resolve();
        });
        answer.on('error', () => {});
      });
      asking.on('error', reject).end();
    });
    await grows(before, { downloads: 1, failures: 1 });
    expect((await sum()).downloadedBytes - before.downloadedBytes).toBeLessThan(BIG);
  });

  test('shows an owner its own, and says who: keys, links and stores', async () => {
    const secret = await newKey('shop');
    const uid = await put('c.txt', new Uint8Array(10), secret);
    const made = await ask(`/files/${uid}/links`, { method: 'POST' }, secret);
    const { url } = (await made.json()) as { url: string };
    await (await fetch(new URL(url, service.url))).arrayBuffer();
    const own = () => totals('by=owner,key,store', secret);
    await vi.waitFor(async () => expect(await own()).toHaveLength(2), WITHIN);
    const today = new Date().toISOString().slice(0, 10);
    const all = await own();
    expect(all.every(({ owner, store }) => owner === 'shop' && store !== '')).toBe(true);
    expect(all.find(({ key }) => key === 'link')).toMatchObject({ downloads: 1, downloadedBytes: 10 });
    expect(all.find(({ key }) => key !== 'link')).toMatchObject({ uploads: 1, uploadedBytes: 10 });
    expect(await totals(`from=${today}&by=day`, secret)).toMatchObject([{ day: today, uploads: 1 }]);
    expect(await totals('from=2020-01-01&to=2020-12-31', secret)).toEqual([]);
    expect((await ask('/usage?owner=default', {}, secret)).status).toBe(403);
    expect((await totals('by=owner')).map(({ owner }) => owner)).toContain('shop');
    expect((await totals('by=owner&owner=shop')).map(({ owner }) => owner)).toEqual(['shop']);
  });

  test.each(['from=2026-02-30', 'by=name', 'by=day,day', 'from=2026-02-02&to=2026-02-01', 'from=yesterday'])(
    'refuses %s',
    async (query) => {
      expect((await ask(`/usage?${query}`)).status).toBe(400);
    },
  );

  test('is shown by a command', async () => {
    const env = { PATH: process.env.PATH, ...service.place };
    const command = (...args: string[]) =>
      run(process.execPath, [MAIN, 'usage', ...args], { env, cwd: service.dataDir });
    const { stdout } = await command('--by', 'owner', '--json');
    const shown = JSON.parse(stdout) as Total[];
    expect(shown.find(({ owner }) => owner === 'shop')).toMatchObject({ uploads: 1 });
    expect((await command()).stdout).toMatch(/DAY +UPLOADS +BYTES IN +DOWNLOADS +BYTES OUT +FAILED/);
  });
});
