/** Why Redis cannot be used, in words that name the setting to look at; no password ever appears in it. */
export function explained(error: unknown): string {
  const message = error instanceof Error ? deepest(error) : String(error);
  if (/^WRONGPASS|invalid (username|password)|AUTH failed/i.test(message)) {
    return 'it refuses the user or password of redis.url';
  }
  if (/^NOAUTH|without any password configured/i.test(message)) {
    return message.startsWith('NOAUTH')
      ? 'it wants a password and redis.url has none'
      : 'redis.url has a password and the server wants none';
  }
  if (/^NOPERM/.test(message))
    return 'the user of redis.url lacks rights; it needs all commands on its keys and channels';
  if (/ENOTFOUND|EAI_AGAIN/.test(message)) return 'the host of redis.url is not known';
  if (/ECONNREFUSED/.test(message)) return 'nothing listens at redis.url';
  if (/invalid DB index|DB index is out of range/i.test(message))
    return 'it has no database of the number in redis.url';
  return message.replace(/\.$/, '');
}

function deepest(error: Error): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return deepest(error.errors[0]);
  return error.cause instanceof Error ? deepest(error.cause) : error.message;
}
