import { createHmac } from 'node:crypto';
import type { ByteRange } from '../ports/storage-driver.ts';

/** Content below this size is sent: finding out whether it is here costs as much as sending it. Bytes. */
export const LEAST_BYTES = 1024 * 1024;
export const RANGES = 20;
/** Bytes of each range; all of them together are what the service reads to judge one answer. */
export const RANGE_BYTES = 4096;

/**
 * The bytes to be shown of a content of at least LEAST_BYTES: one run at a random place in each twentieth of it, in ascending order. Whoever lacks a
 * connected twentieth always fails; whoever has a share f of the content, spread over all of it, passes with probability f^20 at most.
 */
export function rangesOf(nonce: Buffer, size: number): readonly ByteRange[] {
  return Array.from({ length: RANGES }, (_, index) => {
    const from = Math.floor((size * index) / RANGES);
    const to = Math.floor((size * (index + 1)) / RANGES);
    const places = to - from - RANGE_BYTES + 1;
    const random = createHmac('sha256', nonce).update(`range ${index}`).digest().readUIntBE(0, 6);
    return { offset: from + (random % places), length: RANGE_BYTES };
  });
}
