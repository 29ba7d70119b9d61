import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { readyFile, unverifiedManifest } from '../server/src/core/contents.ts';
import { Downloads } from '../server/src/core/downloads.ts';
import type { FileContent } from '../server/src/core/model/file.ts';
import { StorageKeys } from '../server/src/core/storage-keys.ts';
import { Stores } from '../server/src/core/stores.ts';
import { LocalDiskDriver } from '../server/src/drivers/storage/local-disk/local-disk-driver.ts';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { evict, GIB, MIB, settleDisk } from './harness/files.ts';
import { printRatios, printSeries, secondsFor } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender } from './harness/series.ts';

const { rounds, mib } = numbers({ rounds: 5, mib: 1024 });
const bytes = mib * MIB;
const STORE = 'local';

interface Stored {
  readonly content: FileContent;
  readonly paths: readonly string[];
}

await benchmark({
  title: `parts-vs-joined: reading ${mib} MiB from its parts against one object, on local disk, without HTTP`,
  diskBytes: 3 * bytes + GIB,
  run: async (workspace) => {
    const folder = workspace.folder('store');
    const driver = await LocalDiskDriver.start({ path: folder });
    const stores = new Stores(new Map([[STORE, driver]]), STORE, 'bench');
    const downloads = new Downloads(stores);
    const store = (partMib: number) => storeInParts(driver, stores, folder, partMib);
    const kinds = [
      { name: 'one object', stored: await store(mib) },
      { name: `${mib / 8} parts of 8 MiB`, stored: await store(8) },
      { name: `${mib} parts of 1 MiB`, stored: await store(1) },
    ];
    await settleDisk(folder);
    const contenders: Contender[] = [false, true].flatMap((cold) =>
      kinds.map(({ name, stored }) => ({
        name: `${name}, ${cold ? 'from the disk' : 'in memory'}`,
        measure: () => read(downloads, stored, cold),
      })),
    );
    const all = await measureRounds(contenders, rounds);
    await stores.close();
    const [one, large, small, oneCold, largeCold, smallCold] = all;
    if (!one || !large || !small || !oneCold || !largeCold || !smallCold) return;
    printSeries(all, secondsFor(bytes));
    printRatios(
      [
        { subject: large, reference: one },
        { subject: small, reference: one },
        { subject: largeCold, reference: oneCold },
        { subject: smallCold, reference: oneCold },
      ],
      secondsFor(bytes),
    );
    console.log(
      'Joining pays where the ratio is well below 1: it costs one more read and write of the whole.',
    );
  },
});

async function storeInParts(
  driver: LocalDiskDriver,
  stores: Stores,
  folder: string,
  partMib: number,
): Promise<Stored> {
  const keys = new StorageKeys();
  const block = Buffer.allocUnsafe(MIB);
  const size = partMib * MIB;
  const open = async function* () {
    for (let left = size; left > 0; left -= MIB) yield randomFillSync(block);
  };
  const paths: string[] = [];
  const parts = [];
  for (let number = 1; number <= mib / partMib; number += 1) {
    const placement = stores.newPlacement(keys.next());
    await driver.put(placement.key, { size, replayable: true, open });
    paths.push(join(folder, 'objects', placement.key));
    parts.push({ blobId: String(number), size, placements: [placement] });
  }
  const manifest = unverifiedManifest('1', parts, Date.now());
  const names = { uid: '1', owner: 'bench', name: 'bench', contentType: 'application/octet-stream' };
  const file = readyFile({ ...names, manifest, md5: undefined, sha256: undefined }, Date.now());
  return { content: { file, parts }, paths };
}

/** Seconds to read every byte once. */
async function read(downloads: Downloads, { content, paths }: Stored, cold: boolean): Promise<number> {
  if (cold) for (const path of paths) await evict(path);
  const start = performance.now();
  let got = 0;
  const body = await downloads.read(content, undefined, undefined);
  for await (const chunk of body.chunks) got += chunk.length;
  const seconds = (performance.now() - start) / 1000;
  if (got !== bytes) throw new Error(`${got} of ${bytes} bytes were read`);
  return seconds;
}
