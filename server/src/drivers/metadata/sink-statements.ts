import type { Insertable } from 'kysely';
import type { DeliveryState, SinkState } from '#core/model/sink.ts';
import { pick, Statement } from './statement.ts';
import type { EventDeliveryTable } from './work-rows.ts';

const SINK_COLUMNS = [
  'name',
  'position',
  'state',
  'reason',
  'failing_since',
  'retry_at',
  'updated_at',
] as const;

export const DELIVERY_COLUMNS = [
  'sink',
  'position',
  'state',
  'attempts',
  'next_at',
  'reason',
  'type',
  'subject',
  'owner',
  'data',
  'at',
] as const;

export const findSink = new Statement(({ build }, p: { name: string }) =>
  build.selectFrom('event_sinks').select(SINK_COLUMNS).where('name', '=', p.name),
);

export const listSinks = new Statement(({ build }, _: object) =>
  build.selectFrom('event_sinks').select(SINK_COLUMNS).orderBy('name'),
);

export const insertSink = new Statement(
  (dialect, p: { name: string; position: bigint | null; now: number }) =>
    dialect.skipTaken(
      dialect.build.insertInto('event_sinks').values({
        name: p.name,
        position: p.position,
        fence: 0,
        state: 'active',
        reason: null,
        failing_since: null,
        retry_at: null,
        updated_at: p.now,
      }),
      ['name'],
    ),
);

export const lockFence = new Statement((dialect, p: { name: string }) =>
  dialect.lockRows(dialect.build.selectFrom('event_sinks').select('fence').where('name', '=', p.name)),
);

export const lockSink = new Statement((dialect, p: { name: string }) =>
  dialect.lockRows(dialect.build.selectFrom('event_sinks').select(SINK_COLUMNS).where('name', '=', p.name)),
);

export const raiseFence = new Statement(({ build }, p: { name: string; fence: number }) =>
  build.updateTable('event_sinks').set({ fence: p.fence }).where('name', '=', p.name),
);

interface Saved {
  readonly name: string;
  readonly position: bigint | null;
  readonly state: SinkState;
  readonly reason: string | null;
  readonly failingSince: number | null;
  readonly retryAt: number | null;
  readonly now: number;
}

export const saveSink = new Statement(({ build }, p: Saved) =>
  build
    .updateTable('event_sinks')
    .set({
      position: p.position,
      state: p.state,
      reason: p.reason,
      failing_since: p.failingSince,
      retry_at: p.retryAt,
      updated_at: p.now,
    })
    .where('name', '=', p.name),
);

export const removeSink = new Statement(({ build }, p: { name: string }) =>
  build.deleteFrom('event_sinks').where('name', '=', p.name),
);

export const removeDeliveries = new Statement(({ build }, p: { name: string }) =>
  build.deleteFrom('event_deliveries').where('sink', '=', p.name),
);

export const findDeliveries = new Statement(
  ({ build }, p: { sink: string; state: DeliveryState; position: bigint; limit: number }) =>
    build
      .selectFrom('event_deliveries')
      .select(DELIVERY_COLUMNS)
      .where('sink', '=', p.sink)
      .where('state', '=', p.state)
      .where('position', '>', p.position)
      .orderBy('position')
      .limit(p.limit),
);

export const dueDeliveries = new Statement(({ build }, p: { sink: string; now: number; limit: number }) =>
  build
    .selectFrom('event_deliveries')
    .select(DELIVERY_COLUMNS)
    .where('sink', '=', p.sink)
    .where('state', '=', 'waiting')
    .where('next_at', '<=', p.now)
    .orderBy('next_at')
    .limit(p.limit),
);

export const firstDue = new Statement(({ build }, p: { sink: string }) =>
  build
    .selectFrom('event_deliveries')
    .select('next_at')
    .where('sink', '=', p.sink)
    .where('state', '=', 'waiting')
    .where('next_at', 'is not', null)
    .orderBy('next_at')
    .limit(1),
);

export const putDelivery = new Statement((dialect, p: Required<Insertable<EventDeliveryTable>>) =>
  dialect.replaceTaken(
    dialect.build.insertInto('event_deliveries').values(pick(p, DELIVERY_COLUMNS)),
    ['sink', 'position'],
    ['state', 'attempts', 'next_at', 'reason'],
  ),
);

export const removeDelivery = new Statement(({ build }, p: { sink: string; position: bigint }) =>
  build.deleteFrom('event_deliveries').where('sink', '=', p.sink).where('position', '=', p.position),
);

export const nextOfSubject = new Statement(({ build }, p: { sink: string; subject: string }) =>
  build
    .selectFrom('event_deliveries')
    .select(['position', 'next_at'])
    .where('sink', '=', p.sink)
    .where('subject', '=', p.subject)
    .where('state', '=', 'waiting')
    .orderBy('position')
    .limit(1),
);

export const setDue = new Statement(({ build }, p: { sink: string; position: bigint; nextAt: number }) =>
  build
    .updateTable('event_deliveries')
    .set({ next_at: p.nextAt })
    .where('sink', '=', p.sink)
    .where('position', '=', p.position),
);
