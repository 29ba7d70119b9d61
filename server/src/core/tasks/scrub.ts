import { Type } from 'typebox';
import { type RoundDependencies, StoreRound } from '../scrub/store-round.ts';
import { Throttle } from '../throttle.ts';
import { nodeTypeOf } from './node-type.ts';
import type { TaskType } from './task-type.ts';

export const SCRUB = 'scrub';
/** How often it is looked whether something is to do. */
const EVERY_MS = 60_000;
/** After this time the task ends and is claimed again, so that other tasks get their turn. */
const TURN_MS = 20_000;

const schema = Type.Object({});

export interface ScrubSettings {
  readonly periodMs: number;
  /** Limit of each process. */
  readonly bytesPerSecond: number;
  /** Names of the stores that are read again. */
  readonly stores: readonly string[];
  /** Of the node whose node-local stores this process can read. */
  readonly nodeId: string;
}

/** The name of the type that reads the node-local stores of a node again. */
export function scrubTypeOf(nodeId: string): string {
  return nodeTypeOf(SCRUB, nodeId);
}

/** Reads everything in the stores again, once in a period: those that every node sees anywhere, a node-local one on its node. */
export function scrubTypes(
  dependencies: Omit<RoundDependencies, 'throttle' | 'periodMs'>,
  { periodMs, bytesPerSecond, stores, nodeId }: ScrubSettings,
): TaskType<typeof schema>[] {
  const turns = { ...dependencies, periodMs, throttle: new Throttle(bytesPerSecond) };
  const isOwn = (store: string) => dependencies.stores.nodeOf(store) !== undefined;
  const [shared, own] = [stores.filter((store) => !isOwn(store)), stores.filter(isOwn)];
  return [
    ...(shared.length > 0 ? [typeFor(SCRUB, shared, turns)] : []),
    ...(own.length > 0 ? [{ ...typeFor(scrubTypeOf(nodeId), own, turns), ofNode: true }] : []),
  ];
}

function typeFor(
  type: string,
  stores: readonly string[],
  dependencies: RoundDependencies,
): TaskType<typeof schema> {
  return {
    type,
    schema,
    priority: 'low',
    everyMs: EVERY_MS,
    handle: async (_payload, context) => {
      const endsAt = performance.now() + TURN_MS;
      let hasMore = false;
      for (const store of stores)
        hasMore = (await new StoreRound(dependencies, store, context, endsAt).turn()) || hasMore;
      return hasMore ? 'again' : 'done';
    },
  };
}
