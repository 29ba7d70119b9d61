import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';
import { csvRows, type Entry } from './audit-client.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

let service: RunningService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service?.close());

async function osproxy(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const options = { env: { PATH: process.env.PATH, ...service.place }, cwd: service.dataDir };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, ...args], options);
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test('keys are limited and rotated by command, and the running service knows at once', async () => {
  const limits = ['--prefix', 'in/', '--owner', 'shop', '--scopes', 'write'];
  const { stdout } = await osproxy('keys', 'create', '--name', 'limited', ...limits, '--json');
  const made = JSON.parse(stdout) as { id: string; secret: string };
  const old = new RestClient(service.url, made.secret);
  expect((await old.call('PUT', '/files/in%2Fa', { body: 'a' })).status).toBe(201);
  expect((await old.call('PUT', '/files/out', { body: 'a' })).status).toBe(403);
  const rotated = await osproxy('keys', 'rotate', made.id, '--overlap-hours', '0', '--json');
  const { secret } = JSON.parse(rotated.stdout) as { secret: string };
  const young = new RestClient(service.url, secret);
  expect((await young.call('PUT', '/files/in%2Fb', { body: 'b' })).status).toBe(201);
  await expect
    .poll(async () => (await old.call('PUT', '/files/in%2Fc', { body: 'c' })).status, { timeout: 5000 })
    .toBe(401);
  expect((await osproxy('keys', 'list')).stdout).toMatch(/limited .*names "in\/…"/);
  for (const client of [old, young]) client.close();
}, 120_000);

test.each([
  [['keys', 'create', '--name', 'a', '--store', 'nowhere'], 1, /There is no store "nowhere"/],
  [['keys', 'create', '--name', 'a', '--prefix', ''], 1, /namePrefix must not be empty/],
  [['keys', 'create', '--name', 'a', '--prefix', 'x', '--scopes', 'admin'], 1, /cannot be limited/],
  [['keys', 'rotate'], 2, /needs the id of a key/],
  [['keys', 'rotate', 'aaaaaaaaaaaa', '--overlap-hours', '721'], 2, /from 0 to 720/],
  [['keys', 'rotate', 'aaaaaaaaaaaa'], 1, /There is no service key/],
  [['keys', 'list', '--overlap-hours', '1'], 2, /has no option/],
  [['audit', '--limit', '0'], 2, /--limit/],
  [['audit', '--csv', '--json'], 2, /neither/],
  [['audit', '--from', 'yesterday'], 1, /"from" must be a day/],
  [['audit', '--action', 'none'], 1, /There is no action "none"/],
])('%j is told in one sentence', async (args, code, sentence) => {
  const told = await osproxy(...args);
  expect([told.code, told.stderr]).toEqual([code, expect.stringMatching(sentence)]);
  expect(told.stderr.trim().split('\n')).toHaveLength(1);
});

test('the audit log is shown as a table, as JSON and as CSV', async () => {
  await osproxy('keys', 'create', '--name', '=1+1', '--owner', 'shop');
  const shown = await osproxy('audit', '--action', 'key.*', '--limit', '1');
  expect(shown.stdout).toMatch(/TIME +WHO +ACTION/);
  expect(shown.stdout).toMatch(/command +key\.created/);
  const json = JSON.parse((await osproxy('audit', '--json', '--action', 'key.created')).stdout) as Entry[];
  expect(json[0]).toMatchObject({ actor: { kind: 'command' }, detail: { name: '=1+1' } });
  const csv = csvRows((await osproxy('audit', '--csv', '--from', '2020-01-01')).stdout);
  expect(csv.length).toBeGreaterThan(3);
  expect(csv.every((cells) => cells.length === 12)).toBe(true);
}, 120_000);
