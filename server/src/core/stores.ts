import { OsproxyError } from './errors.ts';
import type { Placement } from './model/blob.ts';
import { NodeAway, type PeerStore, type Peers } from './ports/peers.ts';
import type { StorageDriver } from './ports/storage-driver.ts';

/** The configured stores by name, as this node sees them. */
export class Stores {
  readonly #drivers: ReadonlyMap<string, StorageDriver>;
  readonly #nodeId: string;
  readonly #peers: Peers | undefined;
  /** Where new bytes go. */
  readonly defaultName: string;

  /** Without peers, bytes in node-local stores of other nodes cannot be reached. */
  constructor(
    drivers: ReadonlyMap<string, StorageDriver>,
    defaultName: string,
    nodeId: string,
    peers?: Peers,
  ) {
    if (!drivers.has(defaultName)) {
      throw new OsproxyError(
        'InvalidArgument',
        `The default store "${defaultName}" is not among the configured stores.`,
      );
    }
    this.#drivers = drivers;
    this.#nodeId = nodeId;
    this.#peers = peers;
    this.defaultName = defaultName;
  }

  get names(): readonly string[] {
    return [...this.#drivers.keys()];
  }

  /** Throws Unavailable when the configuration no longer names the store. */
  driver(name: string): StorageDriver {
    const driver = this.#drivers.get(name);
    if (driver !== undefined) return driver;
    throw new OsproxyError(
      'Unavailable',
      'The store that holds this content is not configured on this node.',
      {
        details: { store: name },
      },
    );
  }

  get defaultDriver(): StorageDriver {
    return this.driver(this.defaultName);
  }

  /** A placement for new bytes; throws Unavailable when the store is not configured. */
  newPlacement(key: string, store = this.defaultName): Placement {
    return { store, node: this.nodeOf(store), key };
  }

  /** This node where the store is node-local; undefined where every node sees the same. */
  nodeOf(store: string): string | undefined {
    return this.driver(store).nodeLocal ? this.#nodeId : undefined;
  }

  /** True when this node can read the placement itself. */
  isNear(placement: Placement): boolean {
    return (
      this.#drivers.has(placement.store) && (placement.node === undefined || placement.node === this.#nodeId)
    );
  }

  /** True when this node knows a way to the placement, itself or through the node that has it; that node may be away all the same. */
  isReachable(placement: Placement): boolean {
    return this.isNear(placement) || (this.isElsewhere(placement) && this.#peers !== undefined);
  }

  /** Where the placement can be read and deleted. Throws Unavailable for a store that is not configured, NodeAway where nothing leads to its node. */
  at(placement: Placement): PeerStore {
    const { store, node } = placement;
    if (node === undefined || !this.isElsewhere(placement)) return this.driver(store);
    if (this.#peers !== undefined) return this.#peers.storeOf(node, store);
    throw new NodeAway(
      'The content is on another node, and this one has no cluster secret; set OSPROXY_CLUSTER_SECRET to the same value on every node.',
    );
  }

  /** True when the bytes are in the node-local store of another node. */
  isElsewhere({ node }: Placement): boolean {
    return node !== undefined && node !== this.#nodeId;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#drivers.values()].map((driver) => driver.close()));
    await this.#peers?.close();
  }
}
