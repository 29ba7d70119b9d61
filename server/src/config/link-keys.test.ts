import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { LinkSigner } from '#core/link-signer.ts';
import { linkKeysOf } from './link-keys.ts';
import { loadConfig } from './load-config.ts';
import { masked } from './mask.ts';

const ONE = 'the first secret of a cluster of 32 characters';
const TWO = 'the second secret of a cluster of 32 characters';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function configOf(env: Record<string, string>, dataDir?: string) {
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), 'osproxy-keys-')));
  folders.push(folder);
  return loadConfig({ env: { OSPROXY_DATA_DIR: folder, ...env }, cwd: folder });
}

const cluster = (secret: string, former = '') => ({
  OSPROXY_CLUSTER_SECRET: secret,
  ...(former === '' ? {} : { OSPROXY_CLUSTER_FORMER_SECRETS: former }),
});

it('are the same on every node that has the secret', async () => {
  const [one, two] = [await configOf(cluster(ONE)), await configOf(cluster(ONE))];
  expect(linkKeysOf(one)).toEqual(linkKeysOf(two));
  const signature = new LinkSigner(linkKeysOf(one)).sign(['a', 'b']);
  expect(new LinkSigner(linkKeysOf(two)).verify(['a', 'b'], signature)).toBe(true);
  const stranger = new LinkSigner(linkKeysOf(await configOf(cluster(TWO))));
  expect(stranger.verify(['a', 'b'], signature)).toBe(false);
  expect(JSON.stringify(linkKeysOf(one))).not.toContain('secret of a cluster');
});

it('stay good when the secret changes, in both directions while nodes are restarted', async () => {
  const before = new LinkSigner(linkKeysOf(await configOf(cluster(ONE, TWO))));
  const after = new LinkSigner(linkKeysOf(await configOf(cluster(TWO, ONE))));
  expect(after.verify(['x'], before.sign(['x']))).toBe(true);
  expect(before.verify(['x'], after.sign(['x']))).toBe(true);
});

it('that a node made before it had a secret are still verified, and not made any more', async () => {
  const alone = await configOf({});
  const old = new LinkSigner(linkKeysOf(alone)).sign(['x']);
  const keys = linkKeysOf(await configOf(cluster(ONE), alone.dataDir));
  expect(keys).toHaveLength(2);
  expect(keys[0]?.id).toMatch(/^c[0-9a-f]{12}$/);
  expect(new LinkSigner(keys).verify(['x'], old)).toBe(true);
  expect(linkKeysOf(await configOf(cluster(ONE)))).toHaveLength(1);
});

it.each([
  [{ OSPROXY_CLUSTER_SECRET: 'too short' }, 'a text of at least 32 characters'],
  [{ OSPROXY_CLUSTER_FORMER_SECRETS: ONE }, 'is set without cluster.secret'],
  [{ ...cluster(ONE, ONE) }, 'names a secret twice'],
  [{ OSPROXY_CLUSTER_ADDRESS: 'http://0.0.0.0:8888' }, 'cannot be reached by other nodes'],
  [{ OSPROXY_CLUSTER_ADDRESS: 'http://a.example/path' }, 'cannot be reached by other nodes'],
  [{ OSPROXY_CLUSTER_ADDRESS: 'n1:8888' }, 'cannot be reached by other nodes'],
])('%j does not start', async (env, sentence) => {
  const failure = await configOf(env as Record<string, string>).then(
    () => undefined,
    (error: Error) => error,
  );
  expect(failure?.message).toContain(sentence);
  expect(failure?.message).not.toContain('the first secret');
  expect(failure?.message).not.toContain('too short');
});

it('are derived from what is never shown', async () => {
  const text = JSON.stringify(masked(await configOf(cluster(ONE, TWO))));
  expect(text).not.toContain('secret of a cluster');
});
