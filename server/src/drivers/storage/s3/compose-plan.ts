import { OsproxyError } from '#core/errors.ts';
import type { ByteRange } from '#core/ports/storage-driver.ts';
import { MAX_PARTS } from './vendors.ts';

export interface ComposeSource {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** A run of bytes of one source; `range` only where it is not the whole source. */
export interface Piece {
  readonly key: string;
  readonly length: number;
  readonly range: ByteRange | undefined;
}

/** One part of the joined object: copied inside the store, or read and sent because it is too small or spans sources. */
export type ComposeStep =
  | { readonly kind: 'copy'; readonly piece: Piece }
  | { readonly kind: 'send'; readonly pieces: readonly Piece[]; readonly length: number };

export interface ComposeLimits {
  readonly minPartBytes: number;
  readonly maxCopyBytes: number;
  readonly equalParts: boolean;
  /** Part size where all must be equal and the sources do not suggest one. */
  readonly partBytes: number;
}

/** A copy of more bytes than this is divided, so that the store answers in time and several run at once. */
const COMFORTABLE_COPY_BYTES = 256 * 1024 * 1024;

/** The parts that join the sources in order, sending as few bytes as the store's smallest part allows. Throws InvalidArgument for too many. */
export function planCompose(
  sources: readonly ComposeSource[],
  limits: ComposeLimits,
): readonly ComposeStep[] {
  const present = sources.filter(({ size }) => size > 0);
  let steps = limits.equalParts
    ? planEqual(present, limits)
    : planFree(present, limits, COMFORTABLE_COPY_BYTES);
  // Copies that take long are better than none.
  if (steps.length > MAX_PARTS && !limits.equalParts) steps = planFree(present, limits, limits.maxCopyBytes);
  if (steps.length <= MAX_PARTS) return steps;
  throw new OsproxyError(
    'InvalidArgument',
    `Joining these objects takes ${steps.length} parts; the store takes ${MAX_PARTS}. Upload with larger parts.`,
    { details: { parts: steps.length, maximum: MAX_PARTS } },
  );
}

/** What is too small is sent together with the head of its neighbour; all the rest is copied. */
function planFree(
  sources: readonly ComposeSource[],
  limits: ComposeLimits,
  comfortableBytes: number,
): ComposeStep[] {
  const { minPartBytes } = limits;
  const total = sources.reduce((sum, { size }) => sum + size, 0);
  const copyBytes = Math.min(
    limits.maxCopyBytes,
    Math.max(comfortableBytes, Math.ceil((total / MAX_PARTS) * 2), minPartBytes),
  );
  const steps: ComposeStep[] = [];
  let small: Piece[] = [];
  let smallBytes = 0;
  const flush = (): void => {
    if (smallBytes > 0) steps.push({ kind: 'send', pieces: small, length: smallBytes });
    small = [];
    smallBytes = 0;
  };
  for (const source of sources) {
    const missing = smallBytes === 0 ? 0 : minPartBytes - smallBytes;
    const copied = source.size - missing;
    if (copied < minPartBytes) {
      small.push(pieceOf(source, 0, source.size));
      smallBytes += source.size;
      if (smallBytes >= minPartBytes) flush();
      continue;
    }
    if (missing > 0) {
      small.push(pieceOf(source, 0, missing));
      smallBytes += missing;
      flush();
    }
    const count = Math.ceil(copied / copyBytes);
    for (let index = 0; index < count; index += 1) {
      const from = Math.floor((copied * index) / count);
      const to = Math.floor((copied * (index + 1)) / count);
      steps.push({ kind: 'copy', piece: pieceOf(source, missing + from, to - from) });
    }
  }
  flush();
  return steps;
}

/** Windows of one size over the joined bytes: copied where they lie inside one source. */
function planEqual(sources: readonly ComposeSource[], limits: ComposeLimits): ComposeStep[] {
  const window = windowFor(sources, limits);
  const steps: ComposeStep[] = [];
  let pieces: Piece[] = [];
  let filled = 0;
  const flush = (): void => {
    const [only, ...others] = pieces;
    if (only === undefined) return;
    const whole = others.length === 0 && filled >= limits.minPartBytes;
    steps.push(whole ? { kind: 'copy', piece: only } : { kind: 'send', pieces, length: filled });
    pieces = [];
    filled = 0;
  };
  for (const source of sources) {
    for (let offset = 0; offset < source.size; ) {
      const length = Math.min(source.size - offset, window - filled);
      pieces.push(pieceOf(source, offset, length));
      filled += length;
      offset += length;
      if (filled === window) flush();
    }
  }
  flush();
  return steps;
}

/** The sources' own size where they all have one, so that nothing has to be sent. */
function windowFor(sources: readonly ComposeSource[], limits: ComposeLimits): number {
  const first = sources[0]?.size ?? 0;
  const last = sources.at(-1)?.size ?? 0;
  const alike = sources.slice(0, -1).every(({ size }) => size === first) && last <= first;
  if (alike && first >= limits.minPartBytes && first <= limits.maxCopyBytes) return first;
  return limits.partBytes;
}

function pieceOf(source: ComposeSource, offset: number, length: number): Piece {
  const whole = length === source.size;
  return { key: source.key, length, range: whole ? undefined : { offset, length } };
}
