import type { FastifyRequest } from 'fastify';
import { keyIdOf } from '#core/access.ts';
import type { UsageRecord } from '#core/model/usage.ts';
import type { TransferNote } from '#core/usage/transfer-note.ts';
import type { Exchange } from './exchange.ts';

/** Who is told of each upload and download when it has ended; never throws and never waits. */
export type UsageListener = (record: UsageRecord) => void;

/** What the upload of this request fills in on its way; from here on it counts as one. */
export function noteUpload(request: FastifyRequest): TransferNote {
  const note: TransferNote = { kind: 'upload' };
  request.exchange.transfer = note;
  return note;
}

/** The record of an exchange that has ended; undefined where no content was to be transferred, or it was refused before it had a place. */
export function usageOf(exchange: Exchange, complete: boolean, now: number): UsageRecord | undefined {
  const { transfer, principal, reply } = exchange;
  if (transfer?.owner === undefined || transfer.store === undefined) return undefined;
  const answered = reply.raw.headersSent && reply.raw.statusCode < 400;
  const outcome =
    complete && answered ? 'ok' : complete && exchange.reason === undefined ? 'failed' : 'aborted';
  return {
    kind: transfer.kind,
    key: keyIdOf(principal) ?? (principal.kind === 'person' ? 'person' : 'link'),
    owner: transfer.owner,
    store: transfer.store,
    uid: transfer.uid,
    link: principal.kind === 'link' ? principal.linkId : undefined,
    bytes: transfer.kind === 'upload' ? exchange.bytesIn : (exchange.bytesOut ?? 0),
    outcome,
    at: now,
    durationMs: Math.round(performance.now() - exchange.startedAt),
  };
}
