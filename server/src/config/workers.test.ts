import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from './load-config.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function load(env: Record<string, string>, yaml?: string) {
  if (yaml !== undefined) writeFileSync(join(folder, 'osproxy.yaml'), yaml);
  return loadConfig({ env, cwd: folder });
}

describe('workers', () => {
  it.each([
    ['3', 3],
    ['64', 64],
  ])('takes the number %s', async (text, number) => {
    expect((await load({ OSPROXY_WORKERS: text })).workers).toBe(number);
    expect((await load({}, `workers: ${text}\n`)).workers).toBe(number);
  });

  it('takes auto for what the machine carries, and shares the hash threads out', async () => {
    const { workers, hashing } = await load({ OSPROXY_WORKERS: 'auto' });
    expect(workers).toBeGreaterThanOrEqual(1);
    expect(workers).toBeLessThanOrEqual(Math.min(availableParallelism(), 16));
    expect(hashing.threads).toBe(Math.max(1, Math.min(4, Math.ceil(availableParallelism() / workers))));
  });

  it.each(['0', '65', 'many', '2.5'])('refuses %s', async (text) => {
    const value = text === 'many' || text === '2.5' ? JSON.stringify(text) : text;
    await expect(load({ OSPROXY_WORKERS: text })).rejects.toThrow(
      `workers (from the environment variable OSPROXY_WORKERS) is ${value}; it must be a whole number from 1 to 64, or auto.`,
    );
  });

  it('refuses several processes over a store in memory', async () => {
    const stores = 'workers: 2\nstores:\n  - { name: fast, type: memory }\n';
    await expect(load({}, stores)).rejects.toThrow(/"fast" keeps its files in the memory of one process/);
    expect((await load({}, stores.replace('2', '1'))).workers).toBe(1);
  });
});
