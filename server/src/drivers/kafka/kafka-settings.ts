import { existsSync } from 'node:fs';
import { Type } from 'typebox';

const BROKER = /^(\[[0-9a-f:.]+\]|[^\s:/,@[\]]+)(:\d{1,5})?$/i;
const BROKER_TEXT = 'a host name or address and a port, such as kafka1.example.com:9092';
const DEFAULT_TIMEOUT_SECONDS = 15;

/** How a Kafka cluster is reached and who the client is there. */
export interface KafkaSettings {
  readonly brokers: readonly string[];
  readonly clientId?: string;
  readonly tls?: boolean;
  readonly caFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly saslMechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly timeoutSeconds?: number;
}

/** The same for a schema that has more beside it. */
export const kafkaProperties = {
  brokers: Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    maxItems: 64,
    allowed: `a list of brokers, each ${BROKER_TEXT}`,
    description:
      'Brokers to begin with, each `host:port`; the others are learned from them. `kafka.brokers` without it.',
  }),
  clientId: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      default: 'osproxy',
      description: 'Name of this client in the logs and quotas of the brokers.',
    }),
  ),
  tls: Type.Optional(
    Type.Boolean({ default: false, description: 'Connect with TLS; certificates are checked.' }),
  ),
  caFile: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'PEM file of the authorities that sign the certificates; those of the system without it.',
    }),
  ),
  username: Type.Optional(Type.String({ minLength: 1, description: 'User of SASL; none without it.' })),
  password: Type.Optional(Type.String({ minLength: 1, secret: true, description: 'Password of that user.' })),
  saslMechanism: Type.Optional(
    Type.Enum(['plain', 'scram-sha-256', 'scram-sha-512'], {
      default: 'scram-sha-512',
      description:
        'How the user proves to be one; `plain` sends the password itself, so use it with TLS only.',
    }),
  ),
  timeoutSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 300,
      default: DEFAULT_TIMEOUT_SECONDS,
      unit: 'seconds',
      description: 'Longest time until a batch is confirmed, connecting included.',
    }),
  ),
};

/** What the schema cannot say, each as the end of a sentence such as `brokers is …`; never with a secret. */
export function kafkaProblems({ brokers, tls, caFile, username, password }: KafkaSettings): string[] {
  const wrong = brokers.find((broker) => !BROKER.test(broker));
  return [
    ...(wrong === undefined ? [] : [`brokers has ${shown(wrong)}; it must be ${BROKER_TEXT}`]),
    ...(username !== undefined && password === undefined ? ['username is set without password'] : []),
    ...(username === undefined && password !== undefined ? ['password is set without username'] : []),
    ...(caFile !== undefined && tls !== true ? ['caFile is set, but tls is not true'] : []),
    ...(caFile !== undefined && !existsSync(caFile)
      ? [`caFile is "${caFile}", and there is no such file`]
      : []),
  ];
}

export function timeoutMsOf({ timeoutSeconds }: KafkaSettings): number {
  return (timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000;
}

/** An address with a user in it may hold a password. */
function shown(broker: string): string {
  return broker.includes('@') ? '(hidden)' : JSON.stringify(broker);
}
