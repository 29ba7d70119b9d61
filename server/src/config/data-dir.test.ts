import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeIdOf, prepareDataDir } from './data-dir.ts';
import { loadConfig } from './load-config.ts';
import { MASK, masked } from './mask.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-data-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const load = (env: Record<string, string> = {}) => loadConfig({ env, cwd: folder });

describe('the data folder', () => {
  it('is made for this user only and keeps nothing of the write test', async () => {
    prepareDataDir(await load());
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'data'))).toEqual([]);
  });

  it('below a file is refused in one sentence', async () => {
    writeFileSync(join(folder, 'plain'), '');
    const config = await load({ OSPROXY_DATA_DIR: 'plain/data' });
    expect(() => prepareDataDir(config)).toThrow(
      `The data folder ${join(folder, 'plain/data')} (setting dataDir, OSPROXY_DATA_DIR) cannot be written: a part of its path is not a folder.`,
    );
  });
});

describe('the node id', () => {
  it('is the configured one', async () => {
    expect(nodeIdOf(await load({ OSPROXY_NODE_ID: 'n-1' }))).toBe('n-1');
  });

  it('is made once and the same for processes that start together', async () => {
    const config = await load();
    prepareDataDir(config);
    const script = `
      import { nodeIdOf } from ${JSON.stringify(new URL('./data-dir.ts', import.meta.url).href)};
      console.log(nodeIdOf({ dataDir: ${JSON.stringify(config.dataDir)} }));`;
    const runs = Array.from({ length: 4 }, () =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]),
    );
    const ids = new Set((await Promise.all(runs)).map(({ stdout }) => stdout.trim()));
    expect([...ids]).toEqual([nodeIdOf(config)]);
    expect(readdirSync(config.dataDir)).toEqual(['node-id']);
  });

  it('that is not one is refused', async () => {
    const config = await load();
    prepareDataDir(config);
    writeFileSync(join(config.dataDir, 'node-id'), '\n');
    expect(() => nodeIdOf(config)).toThrow(
      `The node id file ${join(config.dataDir, 'node-id')} does not hold a node id; restore the file, or remove it to have a new one made.`,
    );
  });
});

describe('masking', () => {
  it('hides every secret of the schema and inside URLs, and nothing else', async () => {
    const secret = 'very-secret-'.repeat(4);
    const config = await load({
      OSPROXY_API_KEY: secret,
      OSPROXY_LINKS_KEYS: JSON.stringify([{ id: 'k', secret }]),
    });
    const withUrls = { ...config, publicUrl: 'https://u:hunter2@x/?token=hunter2&a=1' };
    const text = JSON.stringify(masked(withUrls));
    expect(text).not.toContain('very-secret');
    expect(text).not.toContain('hunter2');
    expect(masked(withUrls)).toMatchObject({
      apiKey: MASK,
      links: { keys: [{ id: 'k', secret: MASK }] },
      port: 8888,
      dataDir: config.dataDir,
    });
  });

  it.each([
    ['redis://me:hunter2@h:1/2', `redis://me:${MASK}@h:1/2`],
    [
      'redis+sentinel://:hunter2@h:1,i:2/m?sentinelPassword=hunter2&db=1',
      `redis+sentinel://:${MASK}@h:1,i:2/m?sentinelPassword=${MASK}&db=1`,
    ],
    ['redis+cluster://me:hunter2@h:1,i:2', `redis+cluster://me:${MASK}@h:1,i:2`],
  ])('hides the password of %s', async (url, shown) => {
    const config = await load({ OSPROXY_REDIS_URL: url });
    expect(masked(config)).toMatchObject({ redis: { url: shown } });
  });
});
