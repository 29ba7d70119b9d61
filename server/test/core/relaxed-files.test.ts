import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Uid } from '#core/model/uid.ts';
import { systemClock } from '#core/ports/clock.ts';
import type { FilePageQuery } from '#core/ports/metadata/files.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { RelaxedFiles } from '#core/relaxed-files.ts';
import { idBefore } from '#core/snowflake.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { putFile, sampleFile, write } from '#test/contracts/metadata-samples.ts';
import { quiet } from './rig.ts';

const MIN_AGE_MS = 60_000;
const MAX_LAG_MS = 200;
const ALL: FilePageQuery = { owner: undefined, after: undefined, limit: 100, namePrefix: undefined };

let folder: string;
/** The second stands for a replica that got nothing but what a test puts there. */
let databases: Metadata[];
let coordinators: DatabaseCoordinator[];
let relaxed: RelaxedFiles;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-relaxed-'));
  databases = [];
  for (const name of ['primary', 'copy']) {
    const metadata = await openMetadata(`sqlite:${join(folder, name)}`, { logger: quiet });
    await metadata.migrate();
    databases.push(metadata);
  }
  const metadata = primary();
  coordinators = [0, 1].map(() => new DatabaseCoordinator({ metadata, clock: systemClock, logger: quiet }));
  relaxed = new RelaxedFiles({
    metadata: { files: metadata.files, relaxed: copy() },
    coordinator: coordinators[0] as DatabaseCoordinator,
    clock: systemClock,
    minAgeMs: MIN_AGE_MS,
    maxLagMs: MAX_LAG_MS,
  });
});

afterEach(async () => {
  relaxed.close();
  for (const coordinator of coordinators) await coordinator.close();
  for (const metadata of databases) await metadata.close();
  await rm(folder, { recursive: true, force: true });
});

function primary(): Metadata {
  return databases[0] as Metadata;
}

function copy(): Metadata {
  return databases[1] as Metadata;
}

let made = 0n;
/** An id that was made so long ago. */
function idOf(ageMs: number): Uid {
  made += 1n;
  return String(BigInt(idBefore(Date.now() - ageMs)) + made);
}

/** The same file in both, whose placements tell which of the two was asked. */
async function inBoth(values: Parameters<typeof putFile>[1] & object = {}) {
  const { file, manifest, blob, placement } = await putFile(primary(), {
    uid: idOf(2 * MIN_AGE_MS),
    ...values,
  });
  const id = idOf(2 * MIN_AGE_MS);
  const older = { ...manifest, id };
  await write(primary(), async (r) => {
    await r.manifests.insert(older);
    await r.files.swapManifest(file.uid, manifest.id, older, file.updatedAt);
  });
  await write(copy(), async (r) => {
    await r.blobs.insert(blob, { ...placement, store: 'copy' });
    await r.manifests.insert(older);
    await r.files.insert({ ...file, manifestId: id });
  });
  return { file: { ...file, manifestId: id }, manifest: older, blob, placement };
}

/** From where the parts of the content come. */
async function source(uid: Uid): Promise<string | undefined> {
  const content = await relaxed.content(uid);
  return content?.parts[0]?.placements[0]?.store === 'copy' ? 'copy' : content && 'primary';
}

async function uids(query: Partial<FilePageQuery> = {}): Promise<Uid[]> {
  return (await relaxed.list({ ...ALL, ...query })).map(({ uid }) => uid);
}

/** Lists once, and waits until what was not heard before that cannot matter. */
async function listening(): Promise<void> {
  await uids();
  await sleep(MAX_LAG_MS + 1100);
}

it('takes the parts of an old file from the replica, and its row from the database', async () => {
  const { file } = await inBoth();
  expect(await source(file.uid)).toBe('copy');
  await write(primary(), (r) => r.files.rename(file.uid, 'new.txt', 'text/plain', 5));
  await write(primary(), (r) => r.files.bumpLinkEpoch(file.uid, 6));
  expect((await relaxed.content(file.uid))?.file).toMatchObject({ name: 'new.txt', linkEpoch: 1 });
  expect(await source(file.uid)).toBe('copy');
  await write(primary(), (r) => r.files.markDeleted(file.uid, 7));
  expect(await relaxed.content(file.uid)).toBeUndefined();
  expect(await relaxed.content(idOf(0))).toBeUndefined();
});

it('takes everything of a young file, or of one that was composed lately, from the database', async () => {
  const young = await inBoth({ uid: idOf(MIN_AGE_MS / 2) });
  expect(await source(young.file.uid)).toBe('primary');
  const { file, manifest } = await inBoth();
  const composed = { ...manifest, id: idOf(MIN_AGE_MS / 2) };
  for (const metadata of databases) {
    await write(metadata, async (r) => {
      await r.manifests.insert(composed);
      await r.files.swapManifest(file.uid, manifest.id, composed, 5);
    });
  }
  expect(await source(file.uid)).toBe('primary');
});

it('asks the database when the replica lacks parts or where they are', async () => {
  const { file, manifest, blob, placement } = await inBoth();
  await write(copy(), (r) => r.blobs.removePlacement(blob.id, { ...placement, store: 'copy' }));
  expect(await source(file.uid)).toBe('primary');
  const lacking = { ...manifest, id: idOf(2 * MIN_AGE_MS) };
  await write(primary(), async (r) => {
    await r.manifests.insert(lacking);
    await r.files.swapManifest(file.uid, manifest.id, lacking, 5);
  });
  expect(await source(file.uid)).toBe('primary');
});

it('lists young files from the database and older ones from the replica', async () => {
  await listening();
  const old = await Promise.all([1, 2, 3, 4].map(() => inBoth()));
  const young = [idOf(20_000), idOf(10_000), idOf(0)];
  for (const uid of young) await write(primary(), (r) => r.files.insert(sampleFile({ uid })));
  const unseen = old[1]?.file.uid ?? '';
  await write(copy(), (r) => r.files.markDeleted(unseen, 5));
  const expected = [...old.map(({ file }) => file.uid).filter((uid) => uid !== unseen), ...young].reverse();
  expect(await uids()).toEqual(expected);
  for (const limit of [1, 2, 3, 4, 5]) {
    const pages: Uid[] = [];
    for (let after: Uid | undefined; ; after = pages.at(-1)) {
      const page = await uids({ after, limit });
      pages.push(...page);
      if (page.length < limit) break;
    }
    expect(pages).toEqual(expected);
  }
});

it('shows in a list what was changed here a moment ago, and what other nodes said', async () => {
  await listening();
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => inBoth({ name: 'a' })));
  const [first, second, third] = [one, two, three].map((each) => each?.file.uid ?? '');
  await write(primary(), (r) => r.files.markDeleted(second ?? '', 5));
  // Nobody said a word, so the replica's answer is as good as any.
  expect(await uids()).toEqual([third, second, first]);
  relaxed.changed(second ?? '');
  expect(await uids()).toEqual([third, first]);
  await write(primary(), (r) => r.files.rename(first ?? '', 'b', 'text/plain', 5));
  await coordinators[1]?.publish('file-changed', first ?? '');
  await vi.waitFor(async () => expect(await uids({ namePrefix: 'b' })).toEqual([first]), 5000);
});

it('shows a file whose upload began long ago, here and on other nodes', async () => {
  await listening();
  const other = new RelaxedFiles({
    metadata: { files: primary().files, relaxed: copy() },
    coordinator: coordinators[1] as DatabaseCoordinator,
    clock: systemClock,
    minAgeMs: MIN_AGE_MS,
    maxLagMs: MAX_LAG_MS,
  });
  const file = sampleFile({ uid: idOf(10 * MIN_AGE_MS) });
  await write(primary(), (r) => r.files.insert(file));
  await other.arrived(file);
  other.close();
  await vi.waitFor(async () => expect(await uids()).toEqual([file.uid]), 5000);
});

it('trusts no replica before it has listened for as long as one may be behind', async () => {
  const { file } = await inBoth();
  await write(primary(), (r) => r.files.markDeleted(file.uid, 5));
  expect(await uids()).toEqual([]);
});
