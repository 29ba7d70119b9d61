import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { type RunningService, startService } from '#test/e2e/service.ts';

const WITHIN = { timeout: 20_000, interval: 50 };
const FLUSH_MS = 500;
/** A write that is under way, on a machine under load. */
const SLACK_MS = 1500;

async function downloads(service: RunningService): Promise<number> {
  const response = await fetch(`${service.url}/api/v1/usage?by=all`, {
    headers: { authorization: `Bearer ${service.apiKey}` },
  });
  const { totals } = (await response.json()) as { totals: { downloads: number }[] };
  return totals[0]?.downloads ?? 0;
}

test('SIGKILL loses at most the usage of the last interval, SIGTERM none, and nothing is counted twice', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'osproxy-usage-'));
  const start = () => startService({ dataDir, env: { OSPROXY_USAGE_FLUSH_MILLISECONDS: String(FLUSH_MS) } });
  const services: RunningService[] = [];
  try {
    const first = await start();
    services.push(first);
    const headers = { authorization: `Bearer ${first.apiKey}` };
    const made = await fetch(`${first.url}/api/v1/files/a.txt`, { method: 'PUT', headers, body: 'hello' });
    const { uid } = (await made.json()) as { uid: string };
    /** When each download that was answered had ended. */
    const ended: number[] = [];
    let asked = 0;
    let running = true;
    const load = async (service: RunningService) => {
      while (running) {
        asked += 1;
        const answer = await fetch(`${service.url}/api/v1/files/${uid}/content`, { headers }).catch(() => {});
        if ((await answer?.text().catch(() => {})) === 'hello') ended.push(performance.now());
      }
    };
    let loading = Promise.all(Array.from({ length: 8 }, () => load(first)));
    await sleep(3000);
    const killed = performance.now();
    await first.kill();
    running = false;
    await loading;
    const second = await start();
    services.push(second);
    const counted = await downloads(second);
    const certain = ended.filter((at) => at < killed - FLUSH_MS - SLACK_MS).length;
    expect(certain).toBeGreaterThan(50);
    expect(counted).toBeGreaterThanOrEqual(certain);
    expect(counted).toBeLessThanOrEqual(asked);

    const before = ended.length;
    running = true;
    loading = Promise.all(Array.from({ length: 8 }, () => load(second)));
    await sleep(1000);
    running = false;
    await loading;
    await second.stop();
    const third = await start();
    services.push(third);
    expect(await downloads(third)).toBe(counted + ended.length - before);
    await vi.waitFor(
      async () => expect(await downloads(third)).toBe(counted + ended.length - before),
      WITHIN,
    );
  } finally {
    for (const service of services) await service.kill();
    await rm(dataDir, { recursive: true, force: true });
  }
}, 120_000);
