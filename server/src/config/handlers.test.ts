import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from './load-config.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'osproxy-handlers-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

it('a handler lies beside the configuration that names it, else where the service runs', async () => {
  const [beside, cwd] = [await folder(), await folder()];
  const file = join(beside, 'own.yaml');
  await writeFile(file, 'tasks:\n  handlers: [./a.ts, /b.ts]\n');
  const fromFile = await loadConfig({ env: { OSPROXY_CONFIG: file }, cwd });
  expect(fromFile.tasks.handlers).toEqual([join(beside, 'a.ts'), '/b.ts']);
  const fromEnvironment = await loadConfig({ env: { OSPROXY_TASKS_HANDLERS: 'a.ts,/b.ts' }, cwd });
  expect(fromEnvironment.tasks.handlers).toEqual([join(cwd, 'a.ts'), '/b.ts']);
  expect((await loadConfig({ env: {}, cwd })).tasks.handlers).toEqual([]);
});

it.each([
  ['tcp://127.0.0.1:3310', true],
  ['tcp://[::1]:3310', true],
  ['tcp://clamav.example.com:3310', true],
  ['unix:/run/clamav/clamd.ctl', true],
  ['127.0.0.1:3310', false],
  ['tcp://127.0.0.1', false],
  ['unix:run/clamd', false],
])('the scanner at %s', async (address, isGood) => {
  const loading = loadConfig({ env: { OSPROXY_SCAN_ADDRESS: address }, cwd: await folder() });
  if (isGood) expect((await loading).scan.address).toBe(address);
  else
    await expect(loading).rejects.toThrowError(/scan\.address .* it must be tcp:\/\/ with a host and a port/);
});
