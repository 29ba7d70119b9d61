import type { IncomingMessage } from 'node:http';
import { cancelled, throwIfCancelled } from '#core/cancellation.ts';
import type { StoredObject } from '#core/ports/storage-driver.ts';
import { BodyReader, type BodyReaderOptions } from './body-reader.ts';

/** An answer up to this size is read when it is opened, so that no connection stays taken for it. */
const READ_AT_ONCE_BYTES = 64 * 1024;

/** The object in the body of an answer. Rejects only for a small one that could not be read whole; then the answer is destroyed. */
export async function openedBody(body: IncomingMessage, options: BodyReaderOptions): Promise<StoredObject> {
  const reader = new BodyReader(body, options);
  const { size, length, signal } = options;
  if (length > READ_AT_ONCE_BYTES) return reader;
  const bytes = await reader.whole();
  return { size, bytes, chunks: oneChunk(bytes, signal), close: async () => {} };
}

async function* oneChunk(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  throwIfCancelled(signal, cancelled);
  if (bytes.length > 0) yield bytes;
}
