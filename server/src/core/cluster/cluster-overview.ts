import type { NodeLoad, NodeRecord, NodeStore } from '../model/lease.ts';
import type { TaskRecord } from '../model/task.ts';
import type { Clock } from '../ports/clock.ts';
import type { Coordinator } from '../ports/coordinator.ts';
import type { Metadata } from '../ports/metadata.ts';
import { HEARTBEAT_MS } from './node-pulse.ts';

/** A node that missed three heartbeats counts as away. */
export const SILENT_AFTER_MS = 3.5 * HEARTBEAT_MS;
const DAY_MS = 24 * 60 * 60_000;
const LISTED_TASKS = 200;

export interface NodeView extends Omit<NodeRecord, 'status'> {
  readonly isAlive: boolean;
  /** Set while it leads the schedules. */
  readonly leads: boolean;
  readonly load: NodeLoad | undefined;
}

/** A store with how each node that has it finds it; one entry per node also where all see the same. */
interface ClusterStore {
  readonly name: string;
  readonly nodeLocal: boolean;
  readonly nodes: readonly {
    readonly id: string;
    readonly isAlive: boolean;
    readonly failure: string | undefined;
  }[];
}

export interface ClusterView {
  readonly nodes: readonly NodeView[];
  /** Tasks that a node runs now, or ran when it fell silent. */
  readonly tasks: readonly TaskRecord[];
  readonly stores: readonly ClusterStore[];
}

/** The cluster as administrators see it. Nodes that were stopped in order are not in it, those that fell silent stay for a day. */
export class ClusterOverview {
  readonly #coordinator: Pick<Coordinator, 'nodes'>;
  readonly #metadata: Metadata;
  readonly #clock: Clock;

  constructor(options: { coordinator: Pick<Coordinator, 'nodes'>; metadata: Metadata; clock: Clock }) {
    this.#coordinator = options.coordinator;
    this.#metadata = options.metadata;
    this.#clock = options.clock;
  }

  async status(): Promise<ClusterView> {
    const now = this.#clock.now();
    const records = await this.#coordinator.nodes(DAY_MS);
    const leader = leaderOf(records, now);
    const nodes = records.map(({ status, ...record }) => ({
      ...record,
      isAlive: now - record.heartbeatAt <= SILENT_AFTER_MS,
      leads: record.id === leader,
      load: status?.load,
    }));
    const alive = new Set(nodes.filter(({ isAlive }) => isAlive).map(({ id }) => id));
    // What runs where changes while it is shown, and nobody asks here for what they have just written.
    const tasks = await this.#metadata.relaxed.tasks.list({ state: 'running' }, LISTED_TASKS);
    return { nodes, tasks, stores: storesOf(records, alive) };
  }
}

/** Fences only grow, so of several that say they lead, the last one does. */
function leaderOf(records: readonly NodeRecord[], now: number): string | undefined {
  const leading = records.flatMap(({ id, status }) => {
    const { leads } = status ?? {};
    return leads === undefined || leads.until <= now - HEARTBEAT_MS ? [] : [{ id, fence: leads.fence }];
  });
  return leading.sort((a, b) => b.fence - a.fence)[0]?.id;
}

function storesOf(records: readonly NodeRecord[], alive: ReadonlySet<string>): ClusterStore[] {
  const sightings = records.flatMap(({ id, status }) =>
    (status?.stores ?? []).map((store: NodeStore) => ({ id, ...store })),
  );
  return [...Map.groupBy(sightings, ({ name }) => name)].map(([name, seen]) => ({
    name,
    nodeLocal: seen.some(({ nodeLocal }) => nodeLocal),
    nodes: seen.map(({ id, failure }) => ({ id, isAlive: alive.has(id), failure })),
  }));
}
