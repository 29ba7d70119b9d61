import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { Client, content } from './client.ts';

const MIB = 1024 * 1024;

let service: RunningService;
beforeAll(async () => {
  service = await startService({ env: { OSPROXY_USAGE_FLUSH_MILLISECONDS: '100' } });
});
afterAll(() => service.close());

test('what goes through signed links is counted as that of links, parts one by one, downloads with their ranges', async () => {
  const client = new Client(service.url, service.apiKey);
  const uid = await client.upload('parts.bin', content(3 * MIB, 'parts'));
  await client.upload('small.bin', content(100, 'small'));
  await client.bytesOf(uid);
  const link = await client.downloadLink(uid);
  await (await client.download(link, { headers: { range: 'bytes=0-9' } })).arrayBuffer();
  await client.download(link, { method: 'HEAD' });
  await vi.waitFor(
    async () => {
      const asked = await fetch(`${service.url}/api/v1/usage?by=key,owner`, {
        headers: { authorization: `Bearer ${service.apiKey}` },
      });
      const { totals } = (await asked.json()) as { totals: { uploadedBytes: number }[] };
      expect(totals).toMatchObject([
        {
          key: 'link',
          owner: 'default',
          uploads: 4,
          downloads: 2,
          downloadedBytes: 3 * MIB + 10,
          failures: 0,
        },
      ]);
      // A form has an envelope.
      expect(totals[0]?.uploadedBytes).toBeGreaterThan(3 * MIB + 100);
      expect(totals[0]?.uploadedBytes).toBeLessThan(3 * MIB + 10_000);
    },
    { timeout: 15_000, interval: 50 },
  );
});
