import { type Static, Type } from 'typebox';
import type { SinkView } from '#core/events/sink-board.ts';
import type { DeliveryRecord } from '#core/model/sink.ts';
import { ref } from './schemas.ts';

function time(description: string) {
  return Type.String({ format: 'date-time', description });
}

export const SinkBody = Type.Object(
  {
    name: Type.String(),
    isConfigured: Type.Boolean({ description: 'False for one that is not in the configuration any more.' }),
    state: Type.Enum(['active', 'failing', 'disabled'], {
      description:
        'failing: tried again at `retryAt`. disabled: given up; tried again only where `retryAt` is set.',
    }),
    reason: Type.Optional(Type.String({ description: 'Why it is not active.' })),
    position: Type.Optional(Type.String({ description: 'Id of the last event that it needs no more.' })),
    lag: Type.Integer({ description: 'Events behind, at most.' }),
    waiting: Type.Integer({
      description: 'Events that it refused and that are tried again, with those behind them.',
    }),
    parked: Type.Integer({ description: 'Events that it refused for good.' }),
    failingSince: Type.Optional(time('UTC.')),
    retryAt: Type.Optional(time('UTC.')),
  },
  { $id: 'EventSink', description: 'A receiver of events and how far it has come.' },
);
export type SinkBody = Static<typeof SinkBody>;

export const SinkListBody = Type.Object(
  { sinks: Type.Array(ref(SinkBody)) },
  { $id: 'EventSinkList', description: 'Sinks by name.' },
);

const ParkedBody = Type.Object(
  {
    id: Type.String({ description: 'Of the event.' }),
    type: Type.String({ examples: ['file.ready'] }),
    subject: Type.String(),
    at: time('When it happened. UTC.'),
    attempts: Type.Integer(),
    reason: Type.Optional(Type.String({ description: 'What the receiver said last.' })),
  },
  { $id: 'ParkedEvent', description: 'An event that a sink refused for good.' },
);
type ParkedBody = Static<typeof ParkedBody>;

export const ParkedListBody = Type.Object(
  {
    events: Type.Array(ref(ParkedBody)),
    next: Type.Union([Type.String(), Type.Null()], {
      description: '`after` of the next page; null at the end.',
    }),
  },
  { $id: 'ParkedEventList', description: 'Parked events, the oldest first.' },
);

export const EVENT_SCHEMAS = [SinkBody, SinkListBody, ParkedBody, ParkedListBody];

export const EVENT_ID = '^[0-9]{1,18}$';

export const EventId = Type.String({ pattern: EVENT_ID, description: 'Id of an event.' });

export function sinkBody(view: SinkView): SinkBody {
  const { name, isConfigured, state, reason, position, lag, waiting, parked, failingSince, retryAt } = view;
  return {
    ...{ name, isConfigured, state, lag, waiting, parked },
    ...(reason === undefined ? {} : { reason }),
    ...(position === undefined ? {} : { position }),
    ...(failingSince === undefined ? {} : { failingSince: iso(failingSince) }),
    ...(retryAt === undefined ? {} : { retryAt: iso(retryAt) }),
  };
}

export function parkedBody({ event, attempts, reason }: DeliveryRecord): ParkedBody {
  const { position: id, type, subject, at } = event;
  return { id, type, subject, at: iso(at), attempts, ...(reason === undefined ? {} : { reason }) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
