import type { Selectable } from 'kysely';
import { OsproxyError } from '#core/errors.ts';
import type { EventType } from '#core/model/event.ts';
import type { DeliveryRecord, DeliveryState, SinkRecord, SinkState } from '#core/model/sink.ts';
import type { SinkCommands, SinkQueries } from '#core/ports/metadata/sinks.ts';
import {
  chunks,
  fromId,
  listOf,
  optionalNumber,
  optionalText,
  refuseLongList,
  toId,
  toNumber,
} from './convert.ts';
import type { Session } from './session.ts';
import {
  type DELIVERY_COLUMNS,
  dueDeliveries,
  findDeliveries,
  findSink,
  firstDue,
  insertSink,
  listSinks,
  lockFence,
  lockSink,
  nextOfSubject,
  putDelivery,
  raiseFence,
  removeDeliveries,
  removeDelivery,
  removeSink,
  saveSink,
  setDue,
} from './sink-statements.ts';
import { runQuery } from './statement.ts';
import type { EventDeliveryTable, EventSinkTable } from './work-rows.ts';

export class Sinks implements SinkQueries, SinkCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(name: string): Promise<SinkRecord | undefined> {
    const row = await findSink.first(this.#session, { name });
    return row === undefined ? undefined : sinkOf(row);
  }

  async list(): Promise<readonly SinkRecord[]> {
    return (await listSinks.all(this.#session, {})).map(sinkOf);
  }

  async deliveries(
    sink: string,
    state: DeliveryState,
    after: string | undefined,
    limit: number,
  ): Promise<readonly DeliveryRecord[]> {
    const position = after === undefined ? 0n : toId(after);
    return (await findDeliveries.all(this.#session, { sink, state, position, limit })).map(deliveryOf);
  }

  async due(sink: string, now: number, limit: number): Promise<readonly DeliveryRecord[]> {
    return (await dueDeliveries.all(this.#session, { sink, now, limit })).map(deliveryOf);
  }

  async nextDue(sink: string): Promise<number | undefined> {
    const row = await firstDue.first(this.#session, { sink });
    return row === undefined ? undefined : optionalNumber(row.next_at);
  }

  async blocked(sink: string, subjects: readonly string[]): Promise<ReadonlySet<string>> {
    if (subjects.length === 0) return new Set();
    refuseLongList(subjects, 'subjects');
    const { build } = this.#session.dialect;
    const query = build
      .selectFrom('event_deliveries')
      .select('subject')
      .distinct()
      .where('sink', '=', sink)
      .where('state', '=', 'waiting')
      .where('subject', 'in', listOf(subjects));
    return new Set((await runQuery(this.#session, query)).rows.map(({ subject }) => subject));
  }

  async counts(): Promise<readonly { sink: string; state: DeliveryState; count: number }[]> {
    const query = this.#session.dialect.build
      .selectFrom('event_deliveries')
      .select(({ fn }) => ['sink', 'state', fn.countAll().as('count')])
      .groupBy(['sink', 'state']);
    return (await runQuery(this.#session, query)).rows.map((row) => ({
      sink: row.sink,
      state: row.state as DeliveryState,
      count: toNumber(row.count),
    }));
  }

  async take(name: string, position: string | undefined, fence: number, now: number): Promise<SinkRecord> {
    const from = position === undefined ? null : toId(position);
    await insertSink.run(this.#session, { name, position: from, now });
    if (!(await this.#raise(name, fence))) {
      throw new OsproxyError('Conflict', `Another node tells sink "${name}" already.`);
    }
    const sink = await this.find(name);
    if (sink === undefined) throw new OsproxyError('Internal', `Sink "${name}" vanished while it was taken.`);
    return sink;
  }

  async #raise(name: string, fence: number): Promise<boolean> {
    const row = await lockFence.first(this.#session, { name });
    if (row === undefined || toNumber(row.fence) > fence) return false;
    await raiseFence.run(this.#session, { name, fence });
    return true;
  }

  async holds(name: string, fence: number): Promise<boolean> {
    const row = await lockFence.first(this.#session, { name });
    return row !== undefined && toNumber(row.fence) === fence;
  }

  async lock(name: string): Promise<SinkRecord | undefined> {
    const row = await lockSink.first(this.#session, { name });
    return row === undefined ? undefined : sinkOf(row);
  }

  async save(sink: SinkRecord): Promise<void> {
    await saveSink.run(this.#session, {
      name: sink.name,
      position: sink.position === undefined ? null : toId(sink.position),
      state: sink.state,
      reason: sink.reason ?? null,
      failingSince: sink.failingSince ?? null,
      retryAt: sink.retryAt ?? null,
      now: sink.updatedAt,
    });
  }

  async putDelivery({ sink, event, state, attempts, nextAt, reason }: DeliveryRecord): Promise<void> {
    await putDelivery.run(this.#session, {
      sink,
      position: toId(event.position),
      state,
      attempts,
      next_at: nextAt ?? null,
      reason: reason ?? null,
      type: event.type,
      subject: event.subject,
      owner: event.owner ?? null,
      data: JSON.stringify(event.data),
      at: event.at,
    });
  }

  async endDelivery({ sink, event }: DeliveryRecord, now: number): Promise<void> {
    await removeDelivery.run(this.#session, { sink, position: toId(event.position) });
    await this.#release(sink, event.subject, now);
  }

  async park(delivery: DeliveryRecord, now: number): Promise<void> {
    await this.putDelivery({ ...delivery, state: 'parked', nextAt: undefined });
    await this.#release(delivery.sink, delivery.event.subject, now);
  }

  async #release(sink: string, subject: string, now: number): Promise<void> {
    const next = await nextOfSubject.first(this.#session, { sink, subject });
    if (next === undefined || next.next_at !== null) return;
    await setDue.run(this.#session, { sink, position: BigInt(next.position), nextAt: now });
  }

  async redrive(sink: string, positions: readonly string[] | undefined, now: number): Promise<number> {
    const { build } = this.#session.dialect;
    const all = build
      .updateTable('event_deliveries')
      .set({ state: 'waiting', attempts: 0, next_at: now, reason: null })
      .where('sink', '=', sink)
      .where('state', '=', 'parked');
    return this.#changesOf(positions, (chosen) =>
      chosen === undefined ? all : all.where('position', 'in', chosen),
    );
  }

  async discard(sink: string, positions: readonly string[] | undefined): Promise<number> {
    const { build } = this.#session.dialect;
    const all = build.deleteFrom('event_deliveries').where('sink', '=', sink).where('state', '=', 'parked');
    return this.#changesOf(positions, (chosen) =>
      chosen === undefined ? all : all.where('position', 'in', chosen),
    );
  }

  /** Rows that a query touches, for those of the positions or for all. */
  async #changesOf(
    positions: readonly string[] | undefined,
    queryOf: (chosen: readonly bigint[] | undefined) => Parameters<typeof runQuery>[1],
  ): Promise<number> {
    const runs = positions === undefined ? [undefined] : chunks(positions.map(toId));
    let count = 0;
    for (const chosen of runs) count += (await runQuery(this.#session, queryOf(chosen))).changes;
    return count;
  }

  async remove(name: string): Promise<void> {
    await removeDeliveries.run(this.#session, { name });
    await removeSink.run(this.#session, { name });
  }
}

function sinkOf(row: Omit<Selectable<EventSinkTable>, 'fence'>): SinkRecord {
  return {
    name: row.name,
    position: row.position === null ? undefined : fromId(row.position),
    state: row.state as SinkState,
    reason: optionalText(row.reason),
    failingSince: optionalNumber(row.failing_since),
    retryAt: optionalNumber(row.retry_at),
    updatedAt: toNumber(row.updated_at),
  };
}

function deliveryOf(
  row: Pick<Selectable<EventDeliveryTable>, (typeof DELIVERY_COLUMNS)[number]>,
): DeliveryRecord {
  return {
    sink: row.sink,
    event: {
      position: fromId(row.position),
      type: row.type as EventType,
      subject: row.subject,
      owner: optionalText(row.owner),
      data: JSON.parse(row.data) as Record<string, unknown>,
      at: toNumber(row.at),
    },
    state: row.state as DeliveryState,
    attempts: toNumber(row.attempts),
    nextAt: optionalNumber(row.next_at),
    reason: optionalText(row.reason),
  };
}
