import { throwIfCancelled } from '../cancellation.ts';
import { isOsproxyError, toOsproxyError } from '../errors.ts';
import type { HashWorkers } from '../hashing/hash-workers.ts';
import { hashPipeline } from '../hashing/pipeline.ts';
import type { Blob, Placement } from '../model/blob.ts';
import type { DamageKind } from '../model/scrub.ts';
import type { Metadata } from '../ports/metadata.ts';
import { nodeAwayIn, type PeerStore } from '../ports/peers.ts';
import { MARK_KEY, whatIsSuspicious } from '../store-marks.ts';
import type { Stores } from '../stores.ts';
import { type Throttle, throttled } from '../throttle.ts';

export interface ExaminationDependencies {
  readonly metadata: Metadata;
  readonly stores: Stores;
  readonly workers: HashWorkers;
}

export interface Pace {
  readonly signal: AbortSignal;
  /** Holds back the bytes that are read. */
  readonly throttle: Throttle;
}

export type Verdict =
  | { readonly kind: 'good' }
  | { readonly kind: DamageKind; readonly reason: string }
  /** The store did not answer, or not with this; that says nothing about the bytes. */
  | { readonly kind: 'away'; readonly reason: string };

/** Reads what is in one place to its end, past every cache of this process, and compares it with what was recorded. */
export async function examine(
  { stores, workers }: ExaminationDependencies,
  blob: Pick<Blob, 'size' | 'sha256'>,
  placement: Placement,
  pace: Pace,
): Promise<Verdict> {
  try {
    const driver = stores.at(placement);
    const { size } = await driver.stat(placement.key, { signal: pace.signal });
    if (size !== blob.size)
      return { kind: 'damaged', reason: `It has ${size} bytes instead of ${blob.size}.` };
    if (size === 0) return { kind: 'good' };
    const sha256 = await digestOf(driver, placement.key, size, workers, pace);
    if (sha256 === blob.sha256) return { kind: 'good' };
    return { kind: 'damaged', reason: 'Its SHA-256 is not the one that was recorded.' };
  } catch (error) {
    throwIfCancelled(pace.signal);
    return verdictOf(error);
  }
}

function verdictOf(error: unknown): Verdict {
  const failure = toOsproxyError(error);
  if (nodeAwayIn(failure) !== undefined || failure.retryable)
    return { kind: 'away', reason: failure.message };
  if (failure.code === 'Cancelled') return { kind: 'away', reason: failure.message };
  if (failure.code === 'NotFound') return { kind: 'missing', reason: 'Its bytes are gone.' };
  if (failure.code === 'RangeNotSatisfiable')
    return { kind: 'damaged', reason: 'Some of its bytes are gone.' };
  return { kind: 'unreadable', reason: `It cannot be read: ${failure.message}` };
}

/** Why nothing that a store says may be believed now: it does not answer, or is not the one it was. Undefined when all is well. */
export async function whyNotNow(
  { metadata, stores }: Pick<ExaminationDependencies, 'metadata' | 'stores'>,
  store: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const suspicion = await whatIsSuspicious({ metadata, stores }, store);
  if (suspicion !== undefined) return suspicion;
  try {
    await stores.driver(store).stat(MARK_KEY, { signal });
    return undefined;
  } catch (error) {
    throwIfCancelled(signal);
    if (isOsproxyError(error, 'NotFound')) return undefined;
    return toOsproxyError(error).message;
  }
}

/** Asked for as a range, because a wrapper may keep small objects that were read whole. */
async function digestOf(
  driver: PeerStore,
  key: string,
  size: number,
  workers: HashWorkers,
  { signal, throttle }: Pace,
): Promise<string | undefined> {
  const opened = await driver.open(key, { offset: 0, length: size }, { signal });
  const chunks = throttled(opened.chunks, throttle, signal)[Symbol.asyncIterator]();
  const pipeline = hashPipeline(new Uint8Array(0), chunks, ['sha256'], workers);
  for await (const _chunk of pipeline.chunks) throwIfCancelled(signal);
  return (await pipeline.digests()).get('sha256');
}
