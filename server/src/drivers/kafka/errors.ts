import { OsproxyError } from '#core/errors.ts';

/** Codes that are about what was sent, not about the cluster; the same again would be refused again. */
const RECORD_REFUSED = new Map([
  ['MESSAGE_TOO_LARGE', 'it is larger than the topic takes (max.message.bytes)'],
  ['RECORD_LIST_TOO_LARGE', 'it is larger than a segment of the topic'],
  ['INVALID_TIMESTAMP', 'its time is out of the range that the topic takes'],
  ['INVALID_RECORD', 'the broker found it invalid'],
  ['POLICY_VIOLATION', 'it violates a policy of the cluster'],
]);

/** Codes whose sentence says what to do. */
const CLUSTER_REFUSED = new Map([
  ['UNKNOWN_TOPIC_OR_PARTITION', 'the topic does not exist and the cluster does not create it; create it'],
  ['INVALID_TOPIC_EXCEPTION', 'the cluster does not take the name of the topic'],
  ['TOPIC_AUTHORIZATION_FAILED', 'the user may not use the topic; grant it on the cluster'],
  ['GROUP_AUTHORIZATION_FAILED', 'the user may not use the consumer group; grant it on the cluster'],
  ['CLUSTER_AUTHORIZATION_FAILED', 'the user may not do this on the cluster; grant it there'],
  ['SASL_AUTHENTICATION_FAILED', 'the cluster does not accept the user and its password'],
  ['UNSUPPORTED_SASL_MECHANISM', 'the cluster does not offer this saslMechanism'],
  ['NOT_ENOUGH_REPLICAS', 'too few replicas of the topic are in sync (min.insync.replicas)'],
  ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'too few replicas of the topic are in sync (min.insync.replicas)'],
  ['KAFKA_STORAGE_ERROR', 'the broker cannot write to its disk'],
]);

/** True for an error of `kafkaError` that is about the records of the request. */
export function isRecordRefused(error: unknown): boolean {
  return error instanceof OsproxyError && error.code === 'InvalidArgument';
}

/**
 * What the client library threw, in our words: InvalidArgument when a record of the request is refused, Unavailable for everything else. Says
 * nothing of a password, which the library never puts into its messages of these kinds.
 */
export function kafkaError(error: unknown, topic: string): OsproxyError {
  if (error instanceof OsproxyError) return error;
  const chain = [...causes(error)];
  const type = chain.map(typeOf).find((found) => found !== undefined);
  const about = `Kafka topic ${topic}`;
  const refused = type === undefined ? undefined : RECORD_REFUSED.get(type);
  if (refused !== undefined)
    return new OsproxyError('InvalidArgument', `${about}: ${refused} (${type}).`, { cause: error });
  const reason = type === undefined ? undefined : CLUSTER_REFUSED.get(type);
  if (reason !== undefined)
    return new OsproxyError('Unavailable', `${about}: ${reason} (${type}).`, { cause: error });
  if (chain.some(({ name }) => name === 'KafkaJSSASLAuthenticationError'))
    return new OsproxyError('Unavailable', `${about}: the cluster does not accept the user.`, {
      cause: error,
    });
  const last = chain.at(-1);
  const message = last?.message ?? 'the cluster cannot be used';
  return new OsproxyError('Unavailable', `${about}: ${message}${type === undefined ? '' : ` (${type})`}`, {
    cause: error,
  });
}

function* causes(error: unknown): Generator<Error> {
  let one = error;
  for (let depth = 0; depth < 8 && one instanceof Error; depth += 1) {
    yield one;
    one = one.cause;
  }
}

function typeOf(error: Error): string | undefined {
  return 'type' in error && typeof error.type === 'string' ? error.type : undefined;
}
