import { Type } from 'typebox';
import { KafkaProducer } from '#drivers/kafka/kafka-producer.ts';
import { kafkaProblems, kafkaProperties } from '#drivers/kafka/kafka-settings.ts';
import type { EventSinkType } from '../event-sink-type.ts';
import { KafkaSink } from './kafka-sink.ts';

const DEFAULT_TOPIC = 'osproxy.events';
const DEFAULT_BATCH = 500;
const DEFAULT_KIB = 512;

const settings = Type.Object(
  {
    ...kafkaProperties,
    topic: Type.Optional(
      Type.String({
        pattern: '^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,249}$',
        allowed: '1 to 249 letters, digits, dots, dashes or underscores',
        default: DEFAULT_TOPIC,
        description: 'Topic that events are written to; made by the cluster where it does such.',
      }),
    ),
    keyBy: Type.Optional(
      Type.Enum(['subject', 'owner'], {
        default: 'subject',
        description:
          'Events of one file are kept in order in one partition by `subject`, all of one owner by `owner`.',
      }),
    ),
    mode: Type.Optional(
      Type.Enum(['structured', 'binary'], {
        default: 'structured',
        description:
          '`structured`: a record is the whole event in JSON. `binary`: it is the data, and the rest stands in `ce_` headers.',
      }),
    ),
    compression: Type.Optional(
      Type.Enum(['gzip', 'none'], { default: 'gzip', description: 'How batches are compressed.' }),
    ),
    batchEvents: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 500,
        default: DEFAULT_BATCH,
        unit: 'events',
        description: 'Most events that are sent at once.',
      }),
    ),
    batchKiB: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 65_536,
        default: DEFAULT_KIB,
        unit: 'KiB',
        description:
          'Most bytes that are sent at once, before compression; below what the topic takes (`max.message.bytes`).',
      }),
    ),
  },
  { additionalProperties: false },
);

export const kafka: EventSinkType<typeof settings> = {
  settings,
  problems: kafkaProblems,
  create: (given, { source, logger }) => {
    const { topic, keyBy, mode, compression, batchEvents, batchKiB, ...connection } = given;
    const producer = new KafkaProducer(connection, compression ?? 'gzip', logger);
    return {
      sink: new KafkaSink({
        ...{ producer, source, topic: topic ?? DEFAULT_TOPIC },
        keyBy: keyBy ?? 'subject',
        mode: mode ?? 'structured',
      }),
      // One lane: a second batch under way could overtake the first within a partition.
      batching: {
        items: batchEvents ?? DEFAULT_BATCH,
        bytes: (batchKiB ?? DEFAULT_KIB) * 1024,
        lanes: 1,
      },
    };
  },
};
