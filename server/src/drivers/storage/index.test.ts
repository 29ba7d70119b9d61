import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { readAll, refused, sourceOf } from '#test/contracts/storage-fixtures.ts';
import { silentLogger } from '#test/silent-logger.ts';
import { openStore, storageDrivers } from './index.ts';

function context() {
  const reports: string[] = [];
  const telemetry = {
    ...silentTelemetry,
    storageOperation: (store: string, operation: string) => void reports.push(`${store} ${operation}`),
  };
  return {
    reports,
    nodeId: 'n1',
    telemetry,
    logger: silentLogger,
    cache: { maxBytes: 10_000, maxObjectBytes: 1000 },
  };
}

test('every kind has settings and starts with them', async () => {
  const path = await mkdtemp(join(tmpdir(), 'osproxy-registry-'));
  const settings = { memory: {}, 'local-disk': { path } };
  // A store in s3 needs a server; storage-s3-registry.test.ts starts one.
  expect(Object.keys(storageDrivers).sort()).toEqual([...Object.keys(settings), 's3'].sort());
  for (const type of ['memory', 'local-disk'] as const) {
    const { reports, ...rest } = context();
    const store = await openStore('main', { type, ...settings[type] }, rest);
    await store.put('a', sourceOf(Buffer.from('x')));
    for (let times = 0; times < 3; times += 1) expect((await readAll(store, 'a')).toString()).toBe('x');
    expect(reports).toEqual(['main put', 'main open']);
    await store.close();
  }
  await rm(path, { recursive: true });
});

test('a local disk is for its node alone unless it says that its folder is shared', async () => {
  const path = await mkdtemp(join(tmpdir(), 'osproxy-registry-'));
  for (const shared of [undefined, false, true]) {
    const store = await openStore('main', { type: 'local-disk', path, shared }, context());
    expect(store.nodeLocal).toBe(shared !== true);
    await store.close();
  }
  await rm(path, { recursive: true });
});

test('wrong settings are refused with one sentence; an absent one counts as not given', async () => {
  const { reports: _reports, ...rest } = context();
  const error = await refused('InvalidArgument', openStore('main', { type: 'local-disk' }, rest));
  expect(error.message).toContain('"main"');
  await refused('InvalidArgument', openStore('main', { type: 'memory', path: 'x' }, rest));
  await (await openStore('main', { type: 'memory', path: undefined }, rest)).close();
});
