import { throwIfCancelled } from '../cancellation.ts';
import { isOsproxyError, OsproxyError, toOsproxyError } from '../errors.ts';
import { hashedSource } from '../hashing/hashed-source.ts';
import type { PlacedBlob, Placement } from '../model/blob.ts';
import type { DamageKind, ScrubFinding } from '../model/scrub.ts';
import type { Clock } from '../ports/clock.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import type { StorageKeys } from '../storage-keys.ts';
import { throttled } from '../throttle.ts';
import { type ExaminationDependencies, examine, type Pace } from './examination.ts';

export interface MendingDependencies extends ExaminationDependencies {
  readonly keys: StorageKeys;
  readonly clock: Clock;
}

export interface Damage {
  readonly blob: PlacedBlob;
  readonly placement: Placement;
  readonly kind: DamageKind;
  readonly reason: string;
}

type Commit = <T>(work: (repositories: MetadataWriter) => Promise<T>) => Promise<T>;

/** 'repaired': the place is replaced. 'settled': it is named no more. Else what is known about it. */
export type Mended = 'repaired' | 'settled' | Pick<ScrubFinding, 'lost' | 'reason'>;

const NAMED_FILES = 100;

/**
 * Replaces a place with wrong bytes from any other place of the blob that has good ones: new bytes are written beside the old, read again, and then take
 * their place in one transaction. The old ones go as retired bytes do, so readers that are under way are not disturbed.
 */
export async function mend(
  dependencies: MendingDependencies,
  damage: Damage,
  pace: Pace,
  commit: Commit,
): Promise<Mended> {
  const { blob, placement } = damage;
  if (blob.placements.length < 2) return { lost: true, reason: damage.reason };
  let waitsFor: string | undefined;
  for (const source of orderedSources(dependencies, damage)) {
    const outcome = await tryFrom(dependencies, damage, source, pace);
    if (outcome.kind === 'bad') continue;
    if (outcome.kind === 'away') {
      waitsFor = outcome.reason;
      continue;
    }
    const { target } = outcome;
    return (await exchange(dependencies, { blob, placement, target }, commit)) ? 'repaired' : 'settled';
  }
  if (waitsFor === undefined) return { lost: true, reason: `${damage.reason} No other copy is good.` };
  return { lost: false, reason: `${damage.reason} Another copy cannot be used now: ${waitsFor}` };
}

/** The files that need the content, for whoever is told. */
export async function filesOf(
  { metadata }: Pick<MendingDependencies, 'metadata'>,
  blobId: string,
): Promise<readonly string[]> {
  const namings = await metadata.placements.naming([blobId]);
  return [...new Set(namings.map(({ uid }) => uid))].slice(0, NAMED_FILES);
}

/** A copy beside the bad one needs no copying; then what this node reads itself. */
function orderedSources({ stores }: MendingDependencies, { blob, placement }: Damage): readonly Placement[] {
  const others = blob.placements.filter((one) => one !== placement);
  const rank = (one: Placement) => (isBeside(one, placement) ? 0 : stores.isNear(one) ? 1 : 2);
  return others.toSorted((a, b) => rank(a) - rank(b));
}

function isBeside(one: Placement, other: Placement): boolean {
  return one.store === other.store && one.node === other.node;
}

type Attempt =
  | { readonly kind: 'copied'; readonly target: Placement | undefined }
  | { readonly kind: 'bad' }
  | { readonly kind: 'away'; readonly reason: string };

async function tryFrom(
  dependencies: MendingDependencies,
  { blob, placement }: Damage,
  source: Placement,
  pace: Pace,
): Promise<Attempt> {
  if (isBeside(source, placement)) {
    const verdict = await examine(dependencies, blob, source, pace);
    if (verdict.kind === 'good') return { kind: 'copied', target: undefined };
    return verdict.kind === 'away' ? verdict : { kind: 'bad' };
  }
  const { stores, keys } = dependencies;
  const target = stores.newPlacement(keys.next(), placement.store);
  try {
    await copy(dependencies, blob, { source, target }, pace);
    const verdict = await examine(dependencies, blob, target, pace);
    if (verdict.kind === 'good') return { kind: 'copied', target };
    const reason = `Store "${target.store}" gave back other bytes than it was given.`;
    throw new OsproxyError('Internal', reason);
  } catch (error) {
    await discard(dependencies, target);
    throwIfCancelled(pace.signal);
    const isBad = ['ChecksumMismatch', 'NotFound', 'InvalidArgument'].some(
      (code) => toOsproxyError(error).code === code,
    );
    return isBad ? { kind: 'bad' } : { kind: 'away', reason: toOsproxyError(error).message };
  }
}

/** Bytes that are not what was recorded never become an object: the source fails at its end. */
async function copy(
  { stores, workers }: MendingDependencies,
  { size, sha256, md5 }: PlacedBlob,
  { source, target }: { readonly source: Placement; readonly target: Placement },
  { signal, throttle }: Pace,
): Promise<void> {
  const opened = await stores.at(source).open(source.key, undefined, { signal });
  try {
    const options = { md5: false, sha1: false, expect: { size, sha256 }, signal };
    const input = await hashedSource(throttled(opened.chunks, throttle, signal), options, workers);
    await stores.driver(target.store).put(target.key, input, { signal, md5 });
  } finally {
    await opened.close();
  }
}

/** False when the bad place was given up by somebody else meanwhile. */
async function exchange(
  dependencies: MendingDependencies,
  {
    blob,
    placement,
    target,
  }: { readonly blob: PlacedBlob; readonly placement: Placement; readonly target: Placement | undefined },
  commit: Commit,
): Promise<boolean> {
  let exchanged: boolean;
  try {
    exchanged = await commit(async (repositories) => {
      const now = dependencies.clock.now();
      await repositories.scrubs.removeFinding(placement.store, placement.key);
      if (!(await repositories.placements.relocate(blob.id, placement, target, now))) return false;
      const data = { store: placement.store, size: blob.size };
      await repositories.events.append({ type: 'blob.repaired', subject: blob.id, data }, now);
      return true;
    });
  } catch (error) {
    // Where the outcome is not known the copy may count: purge decides later.
    const unknown = isOsproxyError(error, 'Unavailable') || isOsproxyError(error, 'Internal');
    if (target !== undefined && !unknown) await discard(dependencies, target);
    throw error;
  }
  if (!exchanged && target !== undefined) await discard(dependencies, target);
  return exchanged;
}

async function discard({ stores }: MendingDependencies, { store, key }: Placement): Promise<void> {
  await stores
    .driver(store)
    .delete(key)
    .catch(() => {});
}
