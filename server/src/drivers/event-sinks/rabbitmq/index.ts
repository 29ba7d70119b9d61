import { Type } from 'typebox';
import { isOsproxyError } from '#core/errors.ts';
import { readRabbitSettings } from '../../rabbitmq/settings.ts';
import type { EventSinkType } from '../event-sink-type.ts';
import { RabbitSink } from './rabbitmq-sink.ts';
import { unknownFields } from './routing-key.ts';

const DEFAULT_EXCHANGE = 'osproxy.events';
const DEFAULT_KEY = '{type}';
const DEFAULT_IN_FLIGHT = 500;
const DEFAULT_TIMEOUT_SECONDS = 15;
const BATCH_BYTES = 4 * 1024 * 1024;

function pem(description: string) {
  return Type.Optional(Type.String({ minLength: 1, description }));
}

const settings = Type.Object(
  {
    url: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Address of the broker, `amqp://user:password@host[:port][,host…][/vhost]`, or `amqps://` for TLS. Without it `rabbitmq.url` and its certificates.',
      }),
    ),
    caFile: pem(
      'PEM file of the authority that signed the certificate of the broker; those that Node.js trusts without it.',
    ),
    certFile: pem('PEM file of a certificate that the broker asks for.'),
    keyFile: pem('PEM file of its key.'),
    exchange: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_.:-]{1,127}$',
        allowed: '1 to 127 letters, digits, dashes, underscores, dots or colons',
        default: DEFAULT_EXCHANGE,
        description: 'Exchange that events are published to.',
      }),
    ),
    declareExchange: Type.Optional(
      Type.Boolean({
        default: true,
        description:
          'Make the exchange, a durable one of type `topic`, where it is missing; false only looks whether it is there, of whatever type.',
      }),
    ),
    routingKey: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 127,
        default: DEFAULT_KEY,
        description:
          'Routing key of an event; `{type}`, such as file.ready, `{owner}` and `{subject}` stand for what the event says.',
      }),
    ),
    mandatory: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Refuse an event that no queue takes, so that it is tried again and then parked; else it is told to nobody.',
      }),
    ),
    maxInFlight: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 500,
        default: DEFAULT_IN_FLIGHT,
        unit: 'events',
        description: 'Events that are sent before the first of them is confirmed, at most one of a subject.',
      }),
    ),
    timeoutSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 300,
        default: DEFAULT_TIMEOUT_SECONDS,
        unit: 'seconds',
        description: 'Longest time that the broker takes to connect, to answer, and to confirm an event.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const rabbitmq: EventSinkType<typeof settings> = {
  settings,
  problems: (given) => [...connectionProblems(given), ...keyProblems(given.routingKey ?? DEFAULT_KEY)],
  create: (given, { source }) => ({
    sink: new RabbitSink({
      ...readRabbitSettings(given),
      name: 'osproxy events',
      timeoutMs: (given.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
      exchange: given.exchange ?? DEFAULT_EXCHANGE,
      declares: given.declareExchange ?? true,
      routingKey: given.routingKey ?? DEFAULT_KEY,
      mandatory: given.mandatory === true,
      source,
    }),
    batching: { items: given.maxInFlight ?? DEFAULT_IN_FLIGHT, bytes: BATCH_BYTES, lanes: 1 },
  }),
};

function connectionProblems(given: Parameters<typeof readRabbitSettings>[0]): string[] {
  if (given.url === undefined)
    return ['url is missing; set it, or rabbitmq.url for everything that uses RabbitMQ'];
  try {
    readRabbitSettings(given);
    return [];
  } catch (error) {
    if (!isOsproxyError(error, 'InvalidArgument')) throw error;
    return [error.message];
  }
}

function keyProblems(template: string): string[] {
  return unknownFields(template).map(
    (field) =>
      `routingKey has the field {${field}}, which events do not have; use {type}, {owner} and {subject}`,
  );
}
