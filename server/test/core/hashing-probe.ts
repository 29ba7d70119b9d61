import { type Mock, vi } from 'vitest';
import type { HashWorkers } from '#core/hashing/hash-workers.ts';

/** Counts the blocks of a pool that are lent at the moment, and the most there were. */
export interface LentBlocks {
  readonly now: number;
  readonly most: number;
}

export function watchBlocks({ blocks }: HashWorkers): LentBlocks {
  const counts = { now: 0, most: 0 };
  const take = blocks.take.bind(blocks);
  const give = blocks.give.bind(blocks);
  const lent = new Set<number>();
  const taken: Mock<typeof take> = vi.spyOn(blocks, 'take');
  taken.mockImplementation(() => {
    const block = take();
    if (lent.has(block.id)) throw new Error(`block ${block.id} was lent twice`);
    lent.add(block.id);
    counts.now = lent.size;
    counts.most = Math.max(counts.most, lent.size);
    return block;
  });
  vi.spyOn(blocks, 'give').mockImplementation((block) => {
    if (!lent.delete(block.id)) throw new Error(`block ${block.id} was given back twice`);
    counts.now = lent.size;
    give(block);
  });
  return counts;
}

/** Ends a hash thread as a defect in it would: by an exception inside. */
export async function crashAThread(workers: HashWorkers): Promise<void> {
  const [lane] = workers.start(['sha256']);
  await Promise.allSettled([lane?.finish(), lane?.finish()]);
}
