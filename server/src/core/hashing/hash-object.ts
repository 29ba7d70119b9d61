import { throwIfCancelled } from '../cancellation.ts';
import type { StorageDriver } from '../ports/storage-driver.ts';
import type { HashWorkers } from './hash-workers.ts';
import { hashPipeline } from './pipeline.ts';

/** Reads an object from its store to the end; resolves with its SHA-256 in lower-case hex. */
export async function sha256Stored(
  driver: Pick<StorageDriver, 'open'>,
  key: string,
  workers: HashWorkers,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const opened = await driver.open(key, undefined, { signal });
  const chunks = opened.chunks[Symbol.asyncIterator]();
  const pipeline = hashPipeline(new Uint8Array(0), chunks, ['sha256'], workers);
  for await (const _chunk of pipeline.chunks) throwIfCancelled(signal);
  return (await pipeline.digests()).get('sha256');
}
