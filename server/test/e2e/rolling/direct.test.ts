import { expect, test } from 'vitest';
import { settles } from '#test/faults/probe.ts';
import { API_KEY, type RunningService, startService } from '../service.ts';
import { Load, lostOf } from '../workers/load.ts';

/** A client that knows one address goes on trying while nobody is there; what was begun is never cut. */
test('a node of several processes is stopped and started under load without cutting a request', {
  timeout: 120_000,
}, async () => {
  let service: RunningService = await startService({
    env: { OSPROXY_WORKERS: 'auto', OSPROXY_HTTP_DRAIN_SECONDS: '20' },
  });
  const { dataDir, url } = service;
  try {
    const load = new Load({
      url,
      apiKey: API_KEY,
      lanes: 8,
      mostBytes: 300_000,
      mayRetry: () => true,
      patienceMs: 30_000,
    });
    const lines: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const before = load.done;
      await settles(30_000, async () => (load.done > before + 30 ? undefined : `${load.done} files`));
      expect(await service.stop()).toBe(0);
      lines.push(...service.lines);
      service = await startService({
        dataDir,
        env: { OSPROXY_WORKERS: 'auto', OSPROXY_PORT: new URL(url).port },
      });
    }
    const loaded = await load.stop();
    expect(loaded.failures).toEqual([]);
    expect(lines.filter((line) => line.includes('"aborted"'))).toEqual([]);
    expect(await lostOf(loaded, { url, apiKey: API_KEY })).toEqual([]);
  } finally {
    await service.close();
  }
});
