import { setTimeout as sleep } from 'node:timers/promises';
import { isOsproxyError, toOsproxyError } from '../errors.ts';
import type { NodeLoad, NodeRecord, NodeStore } from '../model/lease.ts';
import type { Clock } from '../ports/clock.ts';
import type { Coordinator } from '../ports/coordinator.ts';
import type { Logger } from '../ports/logger.ts';
import type { Stores } from '../stores.ts';
import type { ScheduleLead } from './schedule-lead.ts';

export const HEARTBEAT_MS = 10_000;
const PROBE_KEY = '0000/readiness-probe';
const PROBE_WITHIN_MS = 5_000;
/** How long a heartbeat waits for the stores; those that take longer are in the next one. */
const WAIT_FOR_STORES_MS = 500;

export interface NodePulseOptions {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stores: Stores;
  readonly lead: ScheduleLead;
  readonly nodeId: string;
  readonly version: string;
  /** Asked at each heartbeat. */
  readonly load: () => Promise<NodeLoad>;
}

/** Tells the registry every ten seconds that this node is here and how it is. */
export class NodePulse {
  readonly #options: NodePulseOptions;
  #stores: readonly NodeStore[] = [];
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #address = '';
  #startedAt = 0;

  constructor(options: NodePulseOptions) {
    this.#options = options;
  }

  /** `startedAt` is that of the node where this is one of several processes of it. */
  async start(address: string, startedAt = this.#options.clock.now()): Promise<void> {
    this.#address = address;
    this.#startedAt = startedAt;
    await this.beat();
    this.#timer = setInterval(() => void this.beat(), HEARTBEAT_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
  }

  /** A heartbeat out of turn; none before the start. Never rejects. */
  async beat(): Promise<void> {
    if (this.#address === '') return;
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined;
    });
    await this.#beating;
  }

  async #beat(): Promise<void> {
    const { coordinator, logger } = this.#options;
    try {
      const probing = this.#probeAll().then((stores) => {
        this.#stores = stores;
      });
      await Promise.race([probing, sleep(WAIT_FOR_STORES_MS, undefined, { ref: false })]);
      await coordinator.heartbeat(this.#record(await this.#options.load()));
    } catch (error) {
      logger.warn({ err: error }, 'the heartbeat failed');
    }
  }

  #record(load: NodeLoad): NodeRecord {
    const { clock, lead, nodeId, version } = this.#options;
    const held = lead.held;
    return {
      id: nodeId,
      address: this.#address,
      version,
      startedAt: this.#startedAt,
      heartbeatAt: clock.now(),
      status: {
        load,
        stores: this.#stores,
        ...(held === undefined ? {} : { leads: { fence: held.fence, until: held.expiresAt } }),
      },
    };
  }

  #probeAll(): Promise<readonly NodeStore[]> {
    const { stores } = this.#options;
    return Promise.all(
      stores.names.map(async (name) => {
        const failure = await this.#probe(name);
        const nodeLocal = stores.nodeOf(name) !== undefined;
        return { name, nodeLocal, ...(failure === undefined ? {} : { failure }) };
      }),
    );
  }

  async #probe(name: string): Promise<string | undefined> {
    const signal = AbortSignal.timeout(PROBE_WITHIN_MS);
    try {
      await this.#options.stores.driver(name).stat(PROBE_KEY, { signal });
      return undefined;
    } catch (error) {
      if (isOsproxyError(error, 'NotFound')) return undefined;
      return signal.aborted ? 'Unavailable' : toOsproxyError(error).code;
    }
  }
}
