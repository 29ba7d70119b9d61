import type { UsageRecord } from '../model/usage.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { UsageLog } from '../ports/usage-log.ts';
import { countUsage } from './usage-counter.ts';
import { UsageMeter, type UsageMeterOptions } from './usage-meter.ts';
import { UsageShipper } from './usage-shipper.ts';

export interface UsageFlowOptions extends UsageMeterOptions {
  readonly telemetry: Telemetry;
  /** What records go through before they are counted; directly without it. */
  readonly log: UsageLog | undefined;
}

/** Brings every record of a process to the totals in the database, while it is started. */
export class UsageFlow {
  readonly #options: UsageFlowOptions;
  readonly #meter: UsageMeter;
  readonly #shipper: UsageShipper | undefined;

  constructor(options: UsageFlowOptions) {
    const { log, logger } = options;
    this.#options = options;
    this.#meter = new UsageMeter(options);
    const direct = (record: UsageRecord) => this.#meter.add(record);
    this.#shipper = log && new UsageShipper({ log, direct, logger });
  }

  /** Sums and records that are not where they are going. */
  get unwritten(): number {
    return this.#meter.pending + (this.#shipper?.waiting ?? 0);
  }

  /** Records that did not go through the log because it had no room for them. */
  get bypassed(): number {
    return this.#shipper?.bypassed ?? 0;
  }

  /** Never waits and never fails. */
  add(record: UsageRecord): void {
    (this.#shipper ?? this.#meter).add(record);
    this.#options.telemetry.usageRecorded(record.kind, record.outcome);
  }

  start(): void {
    this.#meter.start();
    this.#options.log?.start((entries) => countUsage(this.#options, entries));
  }

  async stop(): Promise<void> {
    await this.#shipper?.stop();
    await this.#options.log?.stop();
    await this.#meter.stop();
  }
}
