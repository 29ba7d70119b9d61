import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { settles } from '#test/faults/probe.ts';
import { fsck } from '#test/faults/store-folder.ts';
import { startNginx } from '#test/services/nginx.ts';
import { withService } from '#test/services/shared.ts';
import { startCluster } from '../nginx/cluster.ts';
import { API_KEY } from '../service.ts';
import { Load, lostOf } from '../workers/load.ts';

/** Above the fail_timeout of deploy/nginx, so that nginx asks a node again before the next one goes. */
const PAUSE_MS = 2500;

await withService('nginx', (access) => {
  test('nodes behind nginx are restarted one after another, and no request fails', {
    timeout: 180_000,
  }, async () => {
    const cluster = await startCluster([1, 2, 1], { OSPROXY_HTTP_DRAIN_SECONDS: '20' });
    const nginx = await startNginx(access, { nodes: cluster.nodes.map(({ url }) => url) });
    try {
      const load = new Load({
        url: nginx.url,
        apiKey: API_KEY,
        lanes: 8,
        mostBytes: 600_000,
        mayRetry: ({ code }) => code === 'ECONNREFUSED',
      });
      const lines: string[] = [];
      for (const index of cluster.nodes.keys()) {
        const before = load.done;
        await settles(30_000, async () => (load.done > before + 30 ? undefined : `${load.done} files`));
        const node = cluster.nodes[index];
        expect(await node?.stop()).toBe(0);
        lines.push(...(node?.lines ?? []));
        await cluster.restart(index);
        await sleep(PAUSE_MS);
      }
      const loaded = await load.stop();
      const told = `nginx says:\n${await nginx.errorLog()}\nand the nodes:\n${lines.filter((line) => line.includes('"aborted"') || line.includes('stop')).join('\n')}`;
      expect(loaded.failures, told).toEqual([]);
      expect(
        lines.filter((line) => line.includes('"aborted"')),
        told,
      ).toEqual([]);
      expect(loaded.acknowledged.size).toBeGreaterThan(90);
      expect(await lostOf(loaded, { url: nginx.url, apiKey: API_KEY })).toEqual([]);
    } finally {
      await nginx.stop();
      for (const node of cluster.nodes) await node.stop();
    }
    expect(await fsck(cluster.dataDir, 3600)).toMatchObject({ code: 0 });
    await cluster.close();
  });
});
