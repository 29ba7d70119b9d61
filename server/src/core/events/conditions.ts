import type { NewEvent } from '../model/event.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Metadata } from '../ports/metadata.ts';

const [UP, DOWN] = [1, 2];
/** It is held within one transaction only. */
const LEASE_MS = 1000;

/** Something that is up or down, as far as anybody has said. */
interface Condition {
  /** The same in every process that may speak of it. */
  readonly key: string;
  readonly up: NewEvent;
  readonly down: NewEvent;
  /** True when being up for the first time is news. */
  readonly begins: boolean;
}

/** Tells of what goes down and comes up again: once, however many processes notice it. */
export class Conditions {
  readonly #metadata: Metadata;
  readonly #nodeId: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #telling: Promise<void> = Promise.resolve();

  constructor(options: { metadata: Metadata; nodeId: string; clock: Clock; logger: Logger }) {
    this.#metadata = options.metadata;
    this.#nodeId = options.nodeId;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** This node can use a store, or cannot. */
  store(store: string, isUp: boolean): void {
    const node = this.#nodeId;
    const event = { subject: store, data: { store, node } };
    const condition: Condition = {
      key: `condition/store/${node}/${store}`,
      up: { type: 'store.up', ...event },
      down: { type: 'store.down', ...event },
      begins: false,
    };
    this.#say(condition, isUp);
  }

  /** A node is there, or is not. */
  node(node: string, isUp: boolean): void {
    const event = { subject: node, data: { node } };
    const condition: Condition = {
      key: `condition/node/${node}`,
      up: { type: 'node.joined', ...event },
      down: { type: 'node.left', ...event },
      begins: true,
    };
    this.#say(condition, isUp);
  }

  /** Resolves when everything that was said is kept, or could not be. */
  settled(): Promise<void> {
    return this.#telling;
  }

  #say(condition: Condition, isUp: boolean): void {
    this.#telling = this.#telling.then(() =>
      this.#tell(condition, isUp).catch((error: unknown) => {
        this.#logger.warn({ err: error, condition: condition.key }, 'a change could not be told for now');
      }),
    );
  }

  async #tell({ key, up, down, begins }: Condition, isUp: boolean): Promise<void> {
    const now = this.#clock.now();
    await this.#metadata.transaction(async ({ coordination, events }) => {
      const lease = await coordination.acquireLease(key, this.#nodeId, now, LEASE_MS);
      if (lease === undefined) return;
      const known = lease.value;
      await coordination.releaseLease(lease, isUp ? UP : DOWN);
      const isNews = known === 0 ? isUp === begins : known !== (isUp ? UP : DOWN);
      if (isNews) await events.append(isUp ? up : down, now);
    });
  }
}
