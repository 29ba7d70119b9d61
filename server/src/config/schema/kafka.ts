import { Type } from 'typebox';
import { flag, section, text, whole } from './builders.ts';

export const kafkaSettings = section(
  {
    brokers: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      maxItems: 64,
      description:
        'Brokers to begin with, each `host:port`; the others are learned from them. Used by sinks of type `kafka` that name none.',
    }),
    clientId: text('Name of this client in the logs and quotas of the brokers.', {
      default: 'osproxy',
      maxLength: 255,
    }),
    tls: flag(false, 'Connect with TLS; certificates are checked.'),
    caFile: Type.Optional(
      text('PEM file of the authorities that sign the certificates.', { defaultText: 'those of the system' }),
    ),
    username: Type.Optional(text('User of SASL.', { defaultText: 'none; no SASL' })),
    password: Type.Optional(text('Password of that user.', { secret: true, defaultText: 'none' })),
    saslMechanism: Type.Enum(['plain', 'scram-sha-256', 'scram-sha-512'], {
      default: 'scram-sha-512',
      description:
        'How the user proves to be one; `plain` sends the password itself, so use it with TLS only.',
    }),
    timeoutSeconds: whole(
      1,
      300,
      15,
      'seconds',
      'Longest time until a batch is confirmed, connecting included.',
    ),
  },
  'The Kafka cluster of the installation; by itself nothing is written to it. See docs/events.md.',
);
