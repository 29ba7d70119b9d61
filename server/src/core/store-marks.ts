import { randomUUID } from 'node:crypto';
import { isOsproxyError, OsproxyError } from './errors.ts';
import type { StoreMark } from './model/store-mark.ts';
import type { Metadata } from './ports/metadata.ts';
import type { ByteSource, StorageDriver } from './ports/storage-driver.ts';
import type { Stores } from './stores.ts';

/** Where the mark of a store is kept in it; never among the keys of contents, which have folders. */
export const MARK_KEY = 'osproxy-store-mark';

const MAX_MARK_BYTES = 1024;

interface Marking {
  readonly metadata: Metadata;
  readonly stores: Stores;
}

/** Puts a mark into the store when it is used for the first time; does nothing when it was put before. */
export async function writeMark(
  { metadata, stores }: Marking,
  store: string,
  signal?: AbortSignal,
): Promise<void> {
  const node = stores.nodeOf(store);
  const known = await metadata.marks.find(store, node);
  if (known?.written === true) return;
  const draft: StoreMark = { store, node, mark: `osproxy-${randomUUID()}`, written: false };
  const { mark } = known ?? (await metadata.transaction((repositories) => repositories.marks.insert(draft)));
  await stores.driver(store).put(MARK_KEY, sourceOf(mark), { signal });
  await metadata.transaction((repositories) => repositories.marks.setWritten(store, node));
}

/**
 * A sentence when the store lacks the mark that was put there, or has another: its folder or bucket is not the one it was. Undefined when all
 * is well, when no mark was put yet, and when the store does not answer.
 */
export async function whatIsSuspicious(
  { metadata, stores }: Marking,
  store: string,
): Promise<string | undefined> {
  const mark = await metadata.marks.find(store, stores.nodeOf(store));
  if (mark?.written !== true) return undefined;
  const other = 'its folder or bucket is not the one that osproxy used before';
  try {
    if ((await readMark(stores.driver(store))) === mark.mark) return undefined;
    return `Store "${store}" has the mark of another store: ${other}.`;
  } catch (error) {
    if (isOsproxyError(error, 'NotFound'))
      return `Store "${store}" has lost its mark: ${other}, or it was emptied.`;
    return undefined;
  }
}

/** Throws Unavailable when the store is suspicious. */
export async function requireMark(marking: Marking, store: string): Promise<void> {
  const reason = await whatIsSuspicious(marking, store);
  if (reason !== undefined) throw new OsproxyError('Unavailable', reason);
}

/** Makes the store, as it is now, the right one. */
export async function renewMark({ metadata, stores }: Marking, store: string): Promise<void> {
  const mark = await metadata.marks.find(store, stores.nodeOf(store));
  if (mark !== undefined) await stores.driver(store).put(MARK_KEY, sourceOf(mark.mark));
}

/** Asked for as a range, because a wrapper may keep small objects that were read whole: a folder can go away under a running service. */
async function readMark(driver: StorageDriver): Promise<string> {
  const { size } = await driver.stat(MARK_KEY);
  if (size === 0 || size > MAX_MARK_BYTES) return '';
  const { chunks } = await driver.open(MARK_KEY, { offset: 0, length: size });
  const read: Buffer[] = [];
  for await (const chunk of chunks) read.push(Buffer.from(chunk));
  return Buffer.concat(read).toString('utf8');
}

function sourceOf(text: string): ByteSource {
  const bytes = Buffer.from(text);
  return {
    size: bytes.length,
    replayable: true,
    open: async function* () {
      yield bytes;
    },
  };
}
