import { Type } from 'typebox';
import { deleteOrphans } from '../garbage.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { Stores } from '../stores.ts';
import { nodeTypeOf } from './node-type.ts';
import type { TaskType } from './task-type.ts';

const schema = Type.Object({});

/** Each node has a type of its own, so that nobody else claims what only this node can do. */
export function sweepTypeOf(nodeId: string): string {
  return nodeTypeOf('sweep', nodeId);
}

/** Deletes orphaned bytes and leftovers of puts in the node-local stores of this node; purge, which runs anywhere, leaves them to it. */
export function sweepType(options: {
  metadata: Metadata;
  stores: Stores;
  clock: Clock;
  nodeId: string;
  everyMs: number;
  graceMs: number;
}): TaskType<typeof schema> {
  const { metadata, stores, clock, graceMs } = options;
  return {
    type: sweepTypeOf(options.nodeId),
    schema,
    everyMs: options.everyMs,
    ofNode: true,
    handle: async (_payload, { signal, commit, logger }) => {
      const now = clock.now();
      const failures: unknown[] = [];
      const failed = (error: unknown) => void failures.push(error);
      const own = stores.names.filter((name) => stores.nodeOf(name) !== undefined);
      const cutoff = now - graceMs;
      const orphans = await deleteOrphans({ metadata, stores, commit, cutoff, failed, now, signal }, own);
      if (orphans > 0) logger.info({ orphans }, 'swept');
      if (failures.length > 0) throw failures[0];
      return 'done';
    },
  };
}
