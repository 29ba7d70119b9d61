import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readyFile } from '../../server/src/core/contents.ts';
import { DEFAULT_OWNER } from '../../server/src/core/key-rules.ts';
import type { Manifest } from '../../server/src/core/model/manifest.ts';
import type { Logger } from '../../server/src/core/ports/logger.ts';
import type { Metadata, MetadataWriter } from '../../server/src/core/ports/metadata.ts';
import type { StorageDriver } from '../../server/src/core/ports/storage-driver.ts';
import { Snowflakes } from '../../server/src/core/snowflake.ts';
import { StorageKeys } from '../../server/src/core/storage-keys.ts';
import { openMetadata } from '../../server/src/drivers/metadata/index.ts';
import { LocalDiskDriver } from '../../server/src/drivers/storage/local-disk/local-disk-driver.ts';
import { KIB } from './files.ts';

const ROWS_PER_TRANSACTION = 10_000;
const MS_BETWEEN_FILES = 20;
const FILE_BYTES = 4 * KIB;

/** The name the service must be started with, for the bytes to be near. */
export const BENCH_NODE = 'bench';

const silent: Logger = {
  debug: () => {},
  info: () => {},
  warn: console.warn,
  error: console.error,
  child: () => silent,
};

/**
 * Fills the data folder of a service that is not running with that many files through its own drivers, each with rows of its own in every
 * table an upload writes. `real` of them, spread evenly, have bytes in the store; their uids are returned.
 */
export async function fillRecords(dataDir: string, count: number, real: number): Promise<string[]> {
  mkdirSync(dataDir, { recursive: true });
  const metadata = await openMetadata(`sqlite:${join(dataDir, 'osproxy.db')}`, { logger: silent });
  const store = await LocalDiskDriver.start({ path: join(dataDir, 'files') });
  try {
    await metadata.migrate();
    return await fill(metadata, store, count, real);
  } finally {
    await store.close();
    await metadata.close();
  }
}

async function fill(
  metadata: Metadata,
  store: StorageDriver,
  count: number,
  real: number,
): Promise<string[]> {
  let now = Date.now() - count * MS_BETWEEN_FILES;
  const ids = new Snowflakes({ now: () => now });
  ids.reserve({ worker: 0, floor: 0, reservedUntil: Number.MAX_SAFE_INTEGER });
  const keys = new StorageKeys();
  const every = Math.floor(count / real);
  const uids: string[] = [];
  for (let made = 0; made < count; ) {
    const files: NewFile[] = [];
    for (; files.length < ROWS_PER_TRANSACTION && made < count; made += 1) {
      now += MS_BETWEEN_FILES;
      const file: NewFile = {
        uid: ids.next(),
        blob: ids.next(),
        manifest: ids.next(),
        key: keys.next(),
        at: now,
        ...RANDOM(),
      };
      const isReal = made % every === 0 && uids.length < real;
      if (isReal) uids.push(file.uid);
      files.push(isReal ? { ...file, ...(await putBytes(store, file.key)) } : file);
    }
    await metadata.transaction(async (repositories) => {
      for (const file of files) await insert(repositories, file);
    });
  }
  return uids;
}

interface NewFile {
  readonly uid: string;
  readonly blob: string;
  readonly manifest: string;
  readonly key: string;
  readonly at: number;
  readonly sha256: string;
  readonly md5: string;
}

const RANDOM = () => ({ sha256: randomBytes(32).toString('hex'), md5: randomBytes(16).toString('hex') });

async function putBytes(store: StorageDriver, key: string): Promise<{ sha256: string; md5: string }> {
  const bytes = randomBytes(FILE_BYTES);
  const open = async function* () {
    yield bytes;
  };
  await store.put(key, { size: bytes.length, replayable: true, open });
  const hex = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
  return { sha256: hex('sha256'), md5: hex('md5') };
}

async function insert(repositories: MetadataWriter, file: NewFile): Promise<void> {
  const { sha256, md5, at } = file;
  const digests = { sha256, md5, sha1: undefined, size: FILE_BYTES, createdAt: at };
  const placement = { store: 'local', node: BENCH_NODE, key: file.key };
  await repositories.blobs.insert({ id: file.blob, ...digests }, placement);
  const parts = [{ blobId: file.blob, size: FILE_BYTES }];
  const manifest: Manifest = { id: file.manifest, ...digests, verified: true, parts };
  await repositories.manifests.insert(manifest);
  const names = { name: `file-${file.uid}.bin`, contentType: 'application/octet-stream' };
  await repositories.files.insert(
    readyFile({ uid: file.uid, owner: DEFAULT_OWNER, ...names, manifest, md5, sha256 }, at),
  );
}
