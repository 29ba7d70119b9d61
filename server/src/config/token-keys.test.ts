import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { prepareDataDir } from './data-dir.ts';
import { loadConfig } from './load-config.ts';
import { tokenKeysOf } from './token-keys.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-token-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const SECRET = 'a cluster secret of 32 characters or more';
const OTHER = 'another cluster secret of 32 characters';

async function keysOf(env: Record<string, string> = {}) {
  const config = await loadConfig({ env: { OSPROXY_DATA_DIR: folder, ...env }, cwd: folder });
  prepareDataDir(config);
  return tokenKeysOf(config).map(({ id, seed }) => ({ id, seed: seed.toString('hex') }));
}

test('a key is made once, for nobody else to read', async () => {
  const [first, ...more] = await keysOf();
  expect(more).toEqual([]);
  expect(first?.seed).toMatch(/^[0-9a-f]{64}$/);
  expect(await keysOf()).toEqual([first]);
  expect(statSync(join(folder, 'token-key')).mode & 0o777).toBe(0o600);
});

test('nodes of a cluster make the same keys of their secrets, the current one first', async () => {
  const [own] = await keysOf();
  const [current, before] = await keysOf({ OSPROXY_CLUSTER_SECRET: SECRET });
  expect(before).toEqual(own);
  const changed = await keysOf({
    ...{ OSPROXY_CLUSTER_SECRET: OTHER, OSPROXY_CLUSTER_FORMER_SECRETS: SECRET },
  });
  expect(changed[1]).toEqual(current);
  expect(changed[0]?.id).not.toBe(current?.id);
  expect(changed[2]).toEqual(own);
  expect(JSON.stringify(changed)).not.toContain(SECRET);
});

test('configured keys are taken in their order', async () => {
  const keys = [
    { id: 'b', secret: `${SECRET} b` },
    { id: 'a', secret: `${SECRET} a` },
  ];
  const found = await keysOf({ OSPROXY_ACCOUNTS_KEYS: JSON.stringify(keys) });
  expect(found.map(({ id }) => id)).toEqual(['b', 'a']);
  expect(new Set(found.map(({ seed }) => seed)).size).toBe(2);
  const twice = JSON.stringify([keys[0], keys[0]]);
  await expect(keysOf({ OSPROXY_ACCOUNTS_KEYS: twice })).rejects.toThrow(/every key needs its own id/);
  const short = JSON.stringify([{ id: 'a', secret: 'short' }]);
  await expect(keysOf({ OSPROXY_ACCOUNTS_KEYS: short })).rejects.toThrow(/accounts\.keys/);
});
