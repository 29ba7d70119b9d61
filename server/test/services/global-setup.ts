import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { sharedCephRgw } from './ceph-rgw.ts';
import { requireClamd } from './clamd.ts';
import { requireKafka } from './kafka.ts';
import { sharedMariadb } from './mariadb.ts';
import { sharedNginx } from './nginx.ts';
import { sharedPostgres } from './postgres.ts';
import { requireRabbitmq, sharedRabbitmq } from './rabbitmq.ts';
import { requireRedis, sharedRedis } from './redis.ts';
import { ServiceUnavailable } from './service-unavailable.ts';
import type { ServiceAnswer, SharedServices } from './shared.ts';

interface Started<Access> {
  readonly access: Access;
  stop(): Promise<void>;
}

/** How each shared service is started, at most once in a run. */
const starters: {
  readonly [Name in keyof SharedServices]: () => Promise<Started<SharedServices[Name]>>;
} = {
  'ceph-rgw': sharedCephRgw,
  postgres: sharedPostgres,
  redis: sharedRedis,
  nginx: sharedNginx,
  'redis-server': requireRedis,
  mariadb: sharedMariadb,
  rabbitmq: sharedRabbitmq,
  'rabbitmq-server': requireRabbitmq,
  'kafka-mock': requireKafka,
  clamd: requireClamd,
};

function isName(name: string): name is keyof SharedServices {
  return Object.hasOwn(starters, name);
}

/** Starts services when a test file asks for one; this process outlives every worker, so that it can stop them whatever happened. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<Started<unknown>>>();
  const server = createServer(async (request, response) => {
    const name = request.url?.slice(1) ?? '';
    const answer = isName(name) ? await start(name) : { kind: 'failed', message: 'no such service' };
    response.end(JSON.stringify(answer));
  });
  const start = async (name: keyof SharedServices): Promise<ServiceAnswer<unknown>> => {
    const starting = started.get(name) ?? starters[name]();
    started.set(name, starting);
    try {
      return { kind: 'ready', access: (await starting).access };
    } catch (error) {
      const absent = error instanceof ServiceUnavailable && process.env.CI !== 'true';
      if (absent) return { kind: 'unavailable', reason: error.message };
      return {
        kind: 'failed',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      };
    }
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('servicesPort', (server.address() as AddressInfo).port);
  return async () => {
    server.close();
    server.closeAllConnections();
    const running = await Promise.allSettled(started.values());
    for (const service of running) if (service.status === 'fulfilled') await service.value.stop();
  };
}
