import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startService } from '#test/e2e/service.ts';
import { freePort } from '#test/services/ports.ts';
import { startRedis } from '#test/services/redis.ts';
import { selfSigned } from '#test/services/self-signed.ts';
import { withService } from '#test/services/shared.ts';

await withService('redis-server', () => {
  test('rediss:// is encrypted, and only to a server whose certificate is trusted', {
    timeout: 60_000,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'osproxy-redis-tls-'));
    const { key, certificate } = await selfSigned(folder);
    const port = await freePort();
    const tls = ['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key];
    const redis = await startRedis(...tls, '--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no');
    const url = `rediss://localhost:${port}`;
    const statusWith = async (env: Record<string, string>) => {
      const service = await startService({ env: { OSPROXY_REDIS_URL: url, ...env } });
      try {
        return ((await (await fetch(`${service.url}/readyz`)).json()) as { status: string }).status;
      } finally {
        await service.close();
      }
    };
    try {
      expect(await statusWith({ NODE_EXTRA_CA_CERTS: certificate })).toBe('ok');
      expect(await statusWith({})).toBe('degraded');
    } finally {
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
