import type { NodeRecord } from '#core/model/lease.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';

const FRESH_MS = 2_000;
const DAY_MS = 24 * 60 * 60_000;

/** Where the other nodes are, by the registry; asked at most every two seconds. */
export class NodeAddresses {
  readonly #coordinator: Pick<Coordinator, 'nodes'>;
  #known: ReadonlyMap<string, NodeRecord> = new Map();
  #knownAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(coordinator: Pick<Coordinator, 'nodes'>) {
    this.#coordinator = coordinator;
  }

  /** Also that of a node that has been silent for a while: it may be the registry that it cannot reach. Undefined for one that has left. */
  async of(nodeId: string): Promise<string | undefined> {
    if (performance.now() - this.#knownAt >= FRESH_MS) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    return this.#known.get(nodeId)?.address;
  }

  /** What is known may be wrong: the next call asks the registry. */
  forget(): void {
    this.#knownAt = Number.NEGATIVE_INFINITY;
  }

  async #ask(): Promise<void> {
    const nodes = await this.#coordinator.nodes(DAY_MS);
    this.#known = new Map(nodes.map((node) => [node.id, node]));
    this.#knownAt = performance.now();
  }
}
