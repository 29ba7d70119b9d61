import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import type { Caller, NewAuditEntry } from '../model/audit.ts';
import type { DeliveryRecord, SinkRecord, SinkState } from '../model/sink.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';

const BY_HAND = 'disabled by an administrator';

export interface SinkView {
  readonly name: string;
  /** False for one that this node's configuration does not name; it is forgotten after a day. */
  readonly isConfigured: boolean;
  readonly state: SinkState;
  readonly reason: string | undefined;
  /** undefined before its first event. */
  readonly position: string | undefined;
  /** Events after its position, at most: there can be gaps between positions. */
  readonly lag: number;
  readonly waiting: number;
  readonly parked: number;
  readonly failingSince: number | undefined;
  readonly retryAt: number | undefined;
}

/** Event sinks as administrators see them. */
export class SinkBoard {
  readonly #metadata: Metadata;
  readonly #clock: Clock;
  readonly #audit: AuditLog;
  readonly #configured: readonly string[];
  readonly #wakeSinks: () => void;

  constructor(options: {
    metadata: Metadata;
    clock: Clock;
    audit: AuditLog;
    configured: readonly string[];
    wakeSinks: () => void;
  }) {
    this.#metadata = options.metadata;
    this.#clock = options.clock;
    this.#audit = options.audit;
    this.#configured = options.configured;
    this.#wakeSinks = options.wakeSinks;
  }

  /** Sinks that have begun, by name. */
  async list(): Promise<readonly SinkView[]> {
    const { sinks, events } = this.#metadata;
    const [records, counts, last] = await Promise.all([sinks.list(), sinks.counts(), events.last()]);
    return records.map((record) => {
      const { name, state, reason, position, failingSince, retryAt } = record;
      const count = (wanted: string) =>
        counts.find((one) => one.sink === name && one.state === wanted)?.count ?? 0;
      const lag = Math.max(0, Number(BigInt(last ?? '0') - BigInt(position ?? '0')));
      const known = { name, isConfigured: this.#configured.includes(name), state, reason, position };
      return { ...known, lag, waiting: count('waiting'), parked: count('parked'), failingSince, retryAt };
    });
  }

  /** Tells it of events again from now on, whatever disabled it. Throws NotFound. */
  enable(name: string, caller: Caller): Promise<SinkView> {
    const healthy = {
      state: 'active',
      reason: undefined,
      failingSince: undefined,
      retryAt: undefined,
    } as const;
    return this.#change(name, entry('sink.enabled', name), caller, (sink) => ({ ...sink, ...healthy }));
  }

  /** Tells it of nothing until it is enabled; what happens meanwhile is kept as long as any other event. Throws NotFound. */
  disable(name: string, caller: Caller): Promise<SinkView> {
    const disabled = { state: 'disabled', reason: BY_HAND, retryAt: undefined } as const;
    return this.#change(name, entry('sink.disabled', name), caller, (sink) => ({
      ...{ ...sink, ...disabled, failingSince: this.#clock.now() },
    }));
  }

  /** Events that it refused for good, the oldest first; `after` is a position. Throws NotFound. */
  async parked(name: string, after: string | undefined, limit: number): Promise<readonly DeliveryRecord[]> {
    await this.#must(name);
    return this.#metadata.sinks.deliveries(name, 'parked', after, limit);
  }

  /** Tries parked events again with all their attempts: those of `positions`, or all; resolves how many. Throws NotFound. */
  async redrive(name: string, positions: readonly string[] | undefined, caller: Caller): Promise<number> {
    await this.#must(name);
    const now = this.#clock.now();
    const count = await this.#metadata.transaction(async (repositories) => {
      const events = await repositories.sinks.redrive(name, positions, now);
      await this.#audit.note(repositories, caller, entry('sink.redriven', name, events));
      return events;
    });
    this.#wakeSinks();
    return count;
  }

  /** Forgets parked events: those of `positions`, or all; resolves how many. Throws NotFound. */
  async discard(name: string, positions: readonly string[] | undefined, caller: Caller): Promise<number> {
    await this.#must(name);
    return this.#metadata.transaction(async (repositories) => {
      const events = await repositories.sinks.discard(name, positions);
      await this.#audit.note(repositories, caller, entry('sink.discarded', name, events));
      return events;
    });
  }

  async #change(
    name: string,
    noted: NewAuditEntry,
    caller: Caller,
    change: (sink: SinkRecord) => SinkRecord,
  ): Promise<SinkView> {
    await this.#must(name);
    await this.#metadata.transaction(async (repositories) => {
      const sink = await repositories.sinks.lock(name);
      if (sink === undefined) return;
      await repositories.sinks.save({ ...change(sink), updatedAt: this.#clock.now() });
      await this.#audit.note(repositories, caller, noted);
    });
    this.#wakeSinks();
    const view = (await this.list()).find((one) => one.name === name);
    return view ?? missing(name);
  }

  async #must(name: string): Promise<void> {
    if ((await this.#metadata.sinks.find(name)) === undefined) missing(name);
  }
}

type SinkAction = 'sink.enabled' | 'sink.disabled' | 'sink.redriven' | 'sink.discarded';

function entry(action: SinkAction, name: string, events?: number): NewAuditEntry {
  return { action, subject: { kind: 'sink', id: name }, detail: { events } };
}

function missing(name: string): never {
  throw new OsproxyError('NotFound', `There is no event sink "${name}" that has begun.`, {
    details: { name },
  });
}
