import type { Conditions } from '../events/conditions.ts';
import type { Clock } from '../ports/clock.ts';
import type { Coordinator } from '../ports/coordinator.ts';
import type { Logger } from '../ports/logger.ts';
import { SILENT_AFTER_MS } from './cluster-overview.ts';
import { HEARTBEAT_MS } from './node-pulse.ts';
import type { ScheduleLead } from './schedule-lead.ts';

const DAY_MS = 24 * 3_600_000;

/** While this node leads the schedules, tells of nodes that fall silent and of those that are heard again. */
export class NodeWatch {
  readonly #coordinator: Pick<Coordinator, 'nodes'>;
  readonly #conditions: Conditions;
  readonly #lead: Pick<ScheduleLead, 'held'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #alive = new Map<string, boolean>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: {
    coordinator: Pick<Coordinator, 'nodes'>;
    conditions: Conditions;
    lead: Pick<ScheduleLead, 'held'>;
    clock: Clock;
    logger: Logger;
  }) {
    this.#coordinator = options.coordinator;
    this.#conditions = options.conditions;
    this.#lead = options.lead;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking ??= this.look().finally(() => {
        this.#looking = undefined;
      });
    }, HEARTBEAT_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** One look at the registry. Never rejects. */
  async look(): Promise<void> {
    if (this.#lead.held === undefined) {
      this.#alive.clear();
      return;
    }
    try {
      const now = this.#clock.now();
      for (const { id, heartbeatAt } of await this.#coordinator.nodes(DAY_MS)) {
        const isAlive = now - heartbeatAt <= SILENT_AFTER_MS;
        if (this.#alive.get(id) === isAlive) continue;
        this.#alive.set(id, isAlive);
        this.#conditions.node(id, isAlive);
      }
    } catch (error) {
      this.#logger.warn({ err: error }, 'the nodes could not be looked at for now');
    }
  }
}
