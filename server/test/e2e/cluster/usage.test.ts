import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { call, putFile, read, some, startCluster, type TestCluster } from './nodes.ts';

const BYTES = some(1024 * 1024 + 7);

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster(2, { OSPROXY_USAGE_FLUSH_MILLISECONDS: '100' });
}, 90_000);
afterAll(() => cluster.close(), 60_000);

test('what one node reads from another for a client is counted once, and every node says the same', async () => {
  const [first, second] = cluster.nodes;
  if (first === undefined || second === undefined) throw new Error('two nodes were asked for');
  const uid = await putFile(first, BYTES);
  expect((await read(second, uid)).bytes.equals(BYTES)).toBe(true);
  expect((await read(first, uid)).bytes.equals(BYTES)).toBe(true);
  const size = BYTES.length;
  for (const node of cluster.nodes) {
    await vi.waitFor(
      async () =>
        expect((await call(node, 'GET', '/api/v1/usage?by=all')).json.totals).toMatchObject([
          { uploads: 1, uploadedBytes: size, downloads: 2, downloadedBytes: 2 * size, failures: 0 },
        ]),
      { timeout: 15_000, interval: 50 },
    );
  }
});
