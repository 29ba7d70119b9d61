import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Client, failed, succeeded } from '../e2e/osproxy-v0/client.ts';
import { type Answer, RestClient, random as randomBytes } from '../e2e/rest/client.ts';
import { type RunningService, startService } from '../e2e/service.ts';
import { settles } from './probe.ts';
import { SmallDisk } from './small-disk.ts';
import { fsck, namedKeys, objectKeys, query, tempFiles } from './store-folder.ts';

const MIB = 1024 * 1024;
const KIB = 1024;

interface Setup {
  readonly service: RunningService;
  readonly rest: RestClient;
  readonly v0: Client;
}

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function disk(mebibytes: number, skip: (reason: string) => void): SmallDisk {
  const mounted = SmallDisk.mount(mebibytes, skip);
  cleanups.push(() => mounted.close());
  return mounted;
}

async function start(env: Record<string, string>, dataDir?: string): Promise<Setup> {
  const own = dataDir ?? (await mkdtemp(join(tmpdir(), 'osproxy-disk-data-')));
  if (dataDir === undefined) cleanups.push(() => rm(own, { recursive: true, force: true }));
  const quick = { OSPROXY_PURGE_GRACE_SECONDS: '1', OSPROXY_PURGE_INTERVAL_SECONDS: '1' };
  // Without the memory of small files every read goes to the disk.
  const uncached = { OSPROXY_CACHE_SMALL_OBJECTS_MIB: '0' };
  const service = await startService({ dataDir: own, env: { ...quick, ...uncached, ...env } });
  const rest = new RestClient(service.url, service.apiKey);
  cleanups.push(() => service.kill());
  cleanups.push(() => rest.close());
  return { service, rest, v0: new Client(service.url, service.apiKey) };
}

function storeAt(path: string): Record<string, string> {
  return { OSPROXY_STORES: JSON.stringify([{ name: 'local', type: 'local-disk', path }]) };
}

function problem(answer: Answer, status: number, code: string): void {
  expect(answer.json, String(answer.bytes)).toMatchObject({ status, code });
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.json.detail).toMatch(/^[A-Z][^/]+\.$/);
}

async function ready(url: string): Promise<{ status: number; store: boolean }> {
  const response = await fetch(`${url}/readyz`);
  const { checks } = (await response.json()) as { checks: { name: string; ok: boolean }[] };
  return { status: response.status, store: checks.find(({ name }) => name === 'store')?.ok === true };
}

/** Every way to write answers with this failure in its own form; the uploads can be gone on with. */
async function everyWriteFails({ rest, v0 }: Setup, status: number, code: string, size = 3 * MIB) {
  const bytes = randomBytes(size);
  problem(await rest.call('PUT', '/files/refused', { body: bytes }), status, code);
  const chunks = (async function* () {
    for (let at = 0; at < size; at += 65_536) yield bytes.subarray(at, at + 65_536);
  })();
  problem(await rest.call('PUT', '/files/refused', { body: chunks }), status, code);
  const uid = await rest.open({ name: 'refused' });
  problem(await rest.part(uid, 1, bytes), status, code);
  const [single, parted] = await v0.uploadLinks(['single.bin', 'parted.bin']);
  if (single === undefined || parted === undefined) throw new Error('No links came back.');
  failed(await v0.single(single, bytes), status);
  failed(await v0.part(parted, 1, bytes), status);
  expect((await rest.call('GET', '/files?prefix=refused')).json.files).toEqual([]);
  expect((await rest.call('GET', `/uploads/${uid}`)).json.parts).toEqual([]);
  return {
    again: async () => {
      expect((await rest.part(uid, 1, bytes)).status).toBe(200);
      expect((await rest.complete(uid)).status).toBe(200);
      expect((await rest.content(uid)).bytes.equals(bytes)).toBe(true);
      succeeded(await v0.single(single, bytes));
      succeeded(await v0.part(parted, 1, bytes));
      succeeded(await v0.merge(parted, bytes, 1));
      expect((await v0.bytesOf(parted.uid)).equals(bytes)).toBe(true);
    },
  };
}

/** The store holds what is named and nothing else. */
function nothingBesides(dataDir: string, files: string, ms = 10_000): Promise<void> {
  return settles(ms, async () => {
    const [objects, temps, named] = [
      await objectKeys(dataDir, files),
      await tempFiles(dataDir, files),
      namedKeys(dataDir),
    ];
    if (temps.length > 0) return `temporary files ${temps}`;
    return objects.join() === named.join() ? undefined : `${objects.length} objects, ${named.length} named`;
  });
}

test('a full store answers 507 in each wire form, keeps nothing, reads on, and works again with space', async ({
  skip,
}) => {
  const small = disk(24, skip);
  const setup = await start(storeAt(small.folder));
  const { service, rest } = setup;
  const bytes = randomBytes(2 * MIB);
  const { uid } = await rest.put('before', bytes);
  await small.fill(MIB);
  const uploads = await everyWriteFails(setup, 507, 'QuotaExceeded');
  expect(await tempFiles(service.dataDir, small.folder)).toEqual([]);
  expect((await rest.content(uid)).bytes.equals(bytes)).toBe(true);
  expect((await rest.put('small one', randomBytes(100 * KIB))).size).toBe(100 * KIB);
  await small.free();
  await uploads.again();
  await nothingBesides(service.dataDir, small.folder);
});

test('a full disk of the database answers 507, reads on, and works again with space', async ({ skip }) => {
  const small = disk(32, skip);
  const dataDir = join(small.folder, 'data');
  await mkdir(dataDir);
  const setup = await start({}, dataDir);
  const { service, rest, v0 } = setup;
  const bytes = randomBytes(2 * MIB);
  const { uid } = await rest.put('before', bytes);
  const open = await rest.open({ name: 'open' });
  await small.fill(0);
  const refused = async (work: () => Promise<{ status: number }>) => {
    // What the files had already allocated may take a few more rows.
    for (let attempt = 0; attempt < 400; attempt += 1) {
      const { status } = await work();
      if (status >= 300) return status;
    }
    return 0;
  };
  const name = 'a-long-name-'.repeat(20);
  const links = { filePath: Array.from({ length: 50 }, (_, index) => `${name}${index}.bin`) };
  expect(await refused(() => v0.post('/link/upload', links))).toBe(507);
  expect(await refused(() => rest.call('POST', '/uploads', { json: { name } }))).toBe(507);
  problem(await rest.call('POST', '/uploads', { json: { name } }), 507, 'QuotaExceeded');
  problem(await rest.part(open, 1, bytes), 507, 'QuotaExceeded');
  expect((await rest.content(uid)).bytes.equals(bytes)).toBe(true);
  expect((await rest.call('GET', '/files?prefix=before')).json.files.length).toBe(1);
  await small.free();
  expect((await rest.part(open, 1, bytes)).status).toBe(200);
  expect((await rest.complete(open)).status).toBe(200);
  expect((await rest.content(open)).bytes.equals(bytes)).toBe(true);
  await nothingBesides(service.dataDir, join(service.dataDir, 'files'));
  expect(await service.stop()).toBe(0);
  expect(await fsck(service.dataDir, 1, ['--deep'])).toMatchObject({ code: 0 });
});

test('a read-only store refuses writes as unavailable, reads on, and purges later', async ({ skip }) => {
  const small = disk(24, skip);
  const setup = await start(storeAt(small.folder));
  const { service, rest } = setup;
  const bytes = randomBytes(2 * MIB);
  const kept = await rest.put('kept', bytes);
  const deleted = await rest.put('deleted', randomBytes(MIB));
  small.remount('ro');
  const uploads = await everyWriteFails(setup, 503, 'Unavailable');
  expect((await rest.content(kept.uid)).bytes.equals(bytes)).toBe(true);
  expect((await rest.call('DELETE', `/files/${deleted.uid}`)).status).toBe(204);
  expect((await rest.content(deleted.uid)).status).toBe(404);
  small.remount('rw');
  await uploads.again();
  await nothingBesides(service.dataDir, small.folder);
});

test('orphaned bytes whose deletion failed half way are deleted later', async ({ skip }) => {
  const small = disk(24, skip);
  const setup = await start(storeAt(small.folder));
  const { service, rest } = setup;
  const { uid } = await rest.put('kept', randomBytes(MIB));
  const orphan = join(small.folder, 'objects', 'an-orphan');
  await writeFile(orphan, 'bytes that nothing names');
  await utimes(orphan, new Date(0), new Date(0));
  small.remount('ro');
  await settles(10_000, async () => {
    const doomed = query(service.dataDir, 'select key from placements where doomed_at is not null');
    return doomed.length === 1 ? undefined : 'purge has not come to the orphan';
  });
  expect(await objectKeys(service.dataDir, small.folder)).toContain('an-orphan');
  small.remount('rw');
  await nothingBesides(service.dataDir, small.folder, 20_000);
  expect((await rest.content(uid)).status).toBe(200);
});

test('a store that is unmounted while running answers 503, /readyz says so, and all is well when it is back', async ({
  skip,
}) => {
  const small = disk(24, skip);
  const setup = await start(storeAt(join(small.folder, 'files')));
  const { service, rest } = setup;
  const bytes = randomBytes(2 * MIB);
  const { uid } = await rest.put('before', bytes);
  expect(await ready(service.url)).toEqual({ status: 200, store: true });
  // The folder vanishes as with a lost mount; its content is kept beside.
  await rename(join(small.folder, 'files'), join(small.folder, 'away'));
  expect(await ready(service.url)).toEqual({ status: 503, store: false });
  problem(await rest.content(uid), 503, 'Unavailable');
  const uploads = await everyWriteFails(setup, 503, 'Unavailable');
  await rename(join(small.folder, 'away'), join(small.folder, 'files'));
  expect(await ready(service.url)).toEqual({ status: 200, store: true });
  expect((await rest.content(uid)).bytes.equals(bytes)).toBe(true);
  await uploads.again();
  await nothingBesides(service.dataDir, join(small.folder, 'files'));
});
