import { describe, expect, it } from 'vitest';
import { type Block, BlockPool, LARGE_BLOCK_BYTES, SMALL_BLOCK_BYTES } from './block-pool.ts';

describe('BlockPool', () => {
  it('lends large blocks while the budget lasts, then small ones, and never one twice', () => {
    const pool = new BlockPool(3 * LARGE_BLOCK_BYTES + 5);
    const lent = Array.from({ length: 10 }, () => pool.take());
    expect(lent.map((block) => block.bytes.byteLength)).toEqual([
      ...Array<number>(3).fill(LARGE_BLOCK_BYTES),
      ...Array<number>(7).fill(SMALL_BLOCK_BYTES),
    ]);
    expect(new Set(lent.map((block) => block.id)).size).toBe(10);
    for (const block of lent) pool.give(block);
    const again = Array.from({ length: 10 }, () => pool.take());
    expect(new Set(again)).toEqual(new Set(lent));
  });

  it('keeps a bounded number of small blocks and says which it lets go', () => {
    const retired: number[] = [];
    const pool = new BlockPool(0, (id) => retired.push(id));
    const lent: Block[] = Array.from({ length: 300 }, () => pool.take());
    for (const block of lent) pool.give(block);
    expect(retired).toEqual(lent.slice(256).map((block) => block.id));
  });
});
