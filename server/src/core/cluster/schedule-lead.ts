import type { Lease } from '../model/lease.ts';
import type { Clock } from '../ports/clock.ts';
import type { Coordinator } from '../ports/coordinator.ts';
import type { Logger } from '../ports/logger.ts';

const SCHEDULES_LEASE = 'schedules';

/** Holds, on one node at a time, the lease on the schedules: that node adds and runs the recurring tasks of the cluster. */
export class ScheduleLead {
  readonly #coordinator: Coordinator;
  readonly #nodeId: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #leaseMs: number;
  #lease: Lease | undefined;
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  #changed: () => Promise<void> = async () => {};

  constructor(options: {
    coordinator: Coordinator;
    nodeId: string;
    clock: Clock;
    logger: Logger;
    /** Milliseconds after which another node leads when this one went silent. */
    leaseMs: number;
  }) {
    this.#coordinator = options.coordinator;
    this.#nodeId = options.nodeId;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#leaseMs = options.leaseMs;
  }

  /** The lease while it is held for sure, by the clock of this node. */
  get held(): Lease | undefined {
    const lease = this.#lease;
    return lease !== undefined && this.#clock.now() < lease.expiresAt ? lease : undefined;
  }

  /** Asks for the lead from now on; `changed` is called each time this node gets it or loses it. The first answer is there when it resolves. */
  async start(changed: () => Promise<void>): Promise<void> {
    this.#changed = changed;
    await this.#ask();
    this.#timer = setInterval(() => {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
    }, this.#leaseMs / 3);
    this.#timer.unref();
  }

  /** Leaves the lead to the others at once. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#asking;
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease === undefined) return;
    await this.#coordinator.release(lease).catch((error: unknown) => {
      this.#logger.warn({ err: error }, 'the lead of the schedules could not be given back');
    });
  }

  /** Never rejects: without an answer the lease just ends with its time. */
  async #ask(): Promise<void> {
    const before = this.held?.fence;
    try {
      // A node that asks again extends what it holds, also after it was killed and started anew.
      this.#lease = await this.#coordinator.acquire(SCHEDULES_LEASE, this.#nodeId, this.#leaseMs);
      const now = this.#lease?.fence;
      if (now === before) return;
      if (now !== undefined) this.#logger.info({ fence: now }, 'this node leads the schedules');
      else this.#logger.warn({}, 'another node leads the schedules now');
      await this.#changed();
    } catch (error) {
      this.#logger.warn({ err: error }, 'the lead of the schedules could not be asked for');
    }
  }
}
