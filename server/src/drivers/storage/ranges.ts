import { OsproxyError } from '#core/errors.ts';
import type { ByteRange } from '#core/ports/storage-driver.ts';

/** The range itself, or the whole object; throws RangeNotSatisfiable for one that does not lie inside `size` bytes. */
export function resolveRange(range: ByteRange | undefined, size: number): ByteRange {
  if (range === undefined) return { offset: 0, length: size };
  const { offset, length } = range;
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (whole && offset >= 0 && length > 0 && offset + length <= size) return range;
  throw new OsproxyError(
    'RangeNotSatisfiable',
    `The range of ${length} bytes from byte ${offset} does not lie inside the ${size} bytes that are stored.`,
    { details: { offset, length, size } },
  );
}
