import type { Metadata } from '../../../server/src/core/ports/metadata.ts';

/** A database of one kind that is filled in bulk, measured through the port, and removed. */
export interface GrowingDatabase {
  /** What the figures were measured with: version, memory, durability. */
  readonly conditions: string;
  /** A migrated database with rows for `count` files; `partitions` above 1 makes tables of so many where the kind can. */
  create(count: number, partitions: number): Promise<Filled>;
  stop(): Promise<void>;
}

export interface Filled {
  readonly count: number;
  readonly metadata: Metadata;
  /** Seconds of the rows alone and of the indexes after them. */
  readonly seconds: { readonly rows: number; readonly indexes: number };
  /** Bytes on the disk by table with its indexes, the largest first; one row where the kind does not tell them apart. */
  sizes(): Promise<readonly { readonly table: string; readonly bytes: number }[]>;
  /** Closes and removes it. */
  remove(): Promise<void>;
}

/** Runs `work` for each item, `atOnce` at a time. */
export async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

export function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
