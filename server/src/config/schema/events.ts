import { Type } from 'typebox';
import { EVENT_TYPES } from '#core/model/event.ts';
import { NAME, section, text, whole } from './builders.ts';

const GROUPS = [...new Set(EVENT_TYPES.map((type) => `${type.split('.')[0]}.*`))];

const sinkSchema = Type.Object(
  {
    name: text(
      'Name of the sink in the API, logs and metrics. How far it has come is kept under it, so a new name begins anew.',
      NAME,
    ),
    type: text(
      '`webhook` posts each event to an address, signed as Standard Webhooks describes; `rabbitmq` publishes it to an exchange, `kafka` writes it to a topic.',
    ),
    types: Type.Optional(
      Type.Array(Type.Enum([...EVENT_TYPES, ...GROUPS]), {
        minItems: 1,
        maxItems: 64,
        description:
          'Types of events that it is told of; `file.*` stands for all of that group. All without it.',
      }),
    ),
    owners: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        maxItems: 256,
        description:
          'Owners whose events it is told of; what belongs to the installation is then left out. All without it.',
      }),
    ),
    maxAttempts: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        default: 15,
        unit: 'attempts',
        description:
          'Attempts of an event that is refused, after which it is parked; they are spread over about an hour.',
      }),
    ),
    disableAfterHours: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 8760,
        default: 72,
        unit: 'hours',
        description:
          'A sink that took nothing for so long is disabled, and from then on tried once an hour; it no longer keeps old events from being removed.',
      }),
    ),
  },
  { description: 'The settings of its type stand beside these.' },
);

export const eventsSettings = section(
  {
    retentionHours: whole(
      1,
      8760,
      168,
      'hours',
      'Events are kept for so long, and longer while a sink that is not disabled has not taken them.',
    ),
    sinks: Type.Array(sinkSchema, {
      default: [],
      maxItems: 64,
      description: 'Who is told of events, beside those who read them from the API.',
    }),
  },
  'What happens to files, told to others.',
);
