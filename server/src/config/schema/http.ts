import { Type } from 'typebox';
import { flag, section, whole } from './builders.ts';

export const httpSettings = section(
  {
    jsonBodyLimitKiB: whole(
      1,
      65_536,
      1024,
      'KiB',
      'Largest JSON request body; file content is not limited by it.',
    ),
    headerLimitKiB: whole(4, 1024, 16, 'KiB', 'Largest sum of all headers of a request.'),
    idleTimeoutSeconds: whole(
      1,
      3600,
      60,
      'seconds',
      'A transfer in which no byte moves for this long is ended.',
    ),
    keepAliveSeconds: whole(
      1,
      3600,
      10,
      'seconds',
      'A connection without a request is kept open for this long.',
    ),
    headersTimeoutSeconds: whole(
      1,
      600,
      30,
      'seconds',
      'The headers of a request must have arrived within this time.',
    ),
    drainSeconds: whole(0, 3600, 30, 'seconds', 'How long running transfers may go on after SIGTERM.'),
    shutdownDelaySeconds: whole(
      0,
      600,
      0,
      'seconds',
      'How long the service goes on as before after SIGTERM, while `/readyz` answers 503, so that a balancer stops sending requests.',
    ),
    trustedProxies: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      maxItems: 256,
      description: 'Addresses or networks (CIDR) of proxies whose `X-Forwarded-*` headers are believed.',
    }),
    corsOrigins: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      maxItems: 256,
      description:
        'Origins whose pages may call the service from a browser, such as `https://app.example.com`; `*` allows every origin.',
    }),
    rateLimit: whole(
      0,
      10_000_000,
      0,
      'requests per minute',
      'Requests that one key, one link or, without either, one address may make; more are answered with 429. 0 sets no limit. Counted over all nodes where Redis is set.',
    ),
    failedAuthentications: whole(
      0,
      1_000_000,
      1000,
      'failures per minute',
      'Wrong keys or links from one address after which others than those known to be good are refused with 429. 0 sets no limit.',
    ),
    docs: flag(true, 'Serve the API description at `/openapi.json` and the interactive page at `/docs`.'),
    publicMetrics: flag(
      true,
      'Let everybody read `/metrics`; otherwise it needs a key with the admin scope.',
    ),
  },
  'Limits and switches of the HTTP server.',
);
