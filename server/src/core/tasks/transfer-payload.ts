import type { Manifest } from '../model/manifest.ts';
import type { IdSource } from '../ports/ids.ts';
import type { MetadataWriter } from '../ports/metadata.ts';

export const TRANSFER = 'transfer';

interface TransferPayload {
  readonly blobId: string;
  readonly from: string;
  readonly to: string;
}

/** Where a file's bytes are, and where they go on to. */
export interface TransferRoute {
  readonly store?: string | undefined;
  readonly transferTo?: string | undefined;
}

interface TransferSettings {
  readonly ids: IdSource;
  readonly settings: { readonly taskAttempts: number };
  readonly now: number;
}

/** Leaves a task for every blob of a finished file that goes on to another store; true when there is one. */
export async function enqueueTransfers(
  repositories: MetadataWriter,
  { ids, settings, now }: TransferSettings,
  manifest: Pick<Manifest, 'parts'>,
  { store: from, transferTo: to }: TransferRoute,
): Promise<boolean> {
  if (from === undefined || to === undefined || from === to) return false;
  const maxAttempts = settings.taskAttempts;
  for (const blobId of new Set(manifest.parts.map((part) => part.blobId))) {
    const payload: TransferPayload = { blobId, from, to };
    const key = `${blobId}/${from}/${to}`;
    await repositories.tasks.enqueue(ids.next(), { type: TRANSFER, key, payload, maxAttempts }, now);
  }
  return true;
}
