import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { openStore } from '#drivers/storage/index.ts';
import { silentLogger } from '#test/silent-logger.ts';
import { storageContract } from './storage-contract.ts';

const EXAMPLE = fileURLToPath(new URL('../../../docs/examples/my-store.ts', import.meta.url));

/** The example of the documentation, loaded and wrapped as the configuration would. */
storageContract('a module of your own: docs/examples/my-store.ts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-own-'));
  const context = { nodeId: 'n1', telemetry: silentTelemetry, logger: silentLogger };
  return {
    driver: await openStore('mine', { type: EXAMPLE, folder }, context),
    leftovers: async () => (await readdir(folder)).filter((name) => name.startsWith('~')).length,
    cleanup: () => rm(folder, { recursive: true }),
  };
});
