import { Type } from 'typebox';
import { section, text, whole } from './builders.ts';

export const redisSettings = section(
  {
    url: Type.Optional(
      text(
        '`redis://[user:password@]host[:port][/db]`, `redis+sentinel://[user:password@]host[:port],…/master[/db]` or `redis+cluster://[user:password@]host[:port],…`; `rediss` instead of `redis` for TLS.',
        { defaultText: 'none; every node works from the database alone' },
      ),
    ),
    prefix: text('In front of every key and channel. Installations that share a Redis need different ones.', {
      default: 'osproxy:',
      pattern: '^[A-Za-z0-9:._-]{1,64}$',
      allowed: '1 to 64 letters, digits, colons, dots, dashes or underscores',
    }),
    timeoutMs: whole(
      10,
      10_000,
      250,
      'milliseconds',
      'A command that is not answered within this time has failed, and the service goes on without Redis until it answers again.',
    ),
  },
  'Makes several nodes faster together; it may go away at any time. See docs/redis.md.',
);
