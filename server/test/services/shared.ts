import { request } from 'node:http';
import { inject, test } from 'vitest';
import type { CephRgwAccess } from './ceph-rgw.ts';
import type { NginxAccess } from './nginx.ts';
import type { RabbitmqAccess } from './rabbitmq.ts';
import type { RedisAccess } from './redis.ts';
import type { SqlServerAccess } from './sql-server.ts';

/** Servers that all test files of one run share, by name, and what is needed to use each. */
export interface SharedServices {
  readonly 'ceph-rgw': CephRgwAccess;
  readonly postgres: SqlServerAccess;
  readonly redis: RedisAccess;
  readonly nginx: NginxAccess;
  /** Nothing runs: the commands are here for tests that start their own. */
  readonly 'redis-server': null;
  readonly mariadb: SqlServerAccess;
  readonly rabbitmq: RabbitmqAccess;
  /** As `redis-server`. */
  readonly 'rabbitmq-server': null;
  /** Nothing runs: the library is here for tests that start a mock cluster of their own. */
  readonly 'kafka-mock': null;
  /** As `redis-server`. */
  readonly clamd: null;
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly servicesPort: number;
  }
}

/** What the one who starts the services answers. */
export type ServiceAnswer<Access> =
  | { readonly kind: 'ready'; readonly access: Access }
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Registers tests that need the service, which is started when the first file of the run asks and stopped when the run ends. Where it is
 * not to be had, one skipped test prints the reason instead. To be awaited at the top of a test file.
 */
export async function withService<Name extends keyof SharedServices>(
  name: Name,
  register: (access: SharedServices[Name]) => Promise<void> | void,
): Promise<void> {
  const answer = await accessTo(name);
  if (answer.kind === 'ready') return void (await register(answer.access));
  test(`needs ${name}`, ({ skip }) => skip(answer.reason));
}

/** What is needed to use the service, or why it is not to be had; rejects when it should have started and did not. */
export async function accessTo<Name extends keyof SharedServices>(
  name: Name,
): Promise<Exclude<ServiceAnswer<SharedServices[Name]>, { readonly kind: 'failed' }>> {
  const answer = await ask<SharedServices[Name]>(name);
  if (answer.kind === 'failed') throw new Error(`The service ${name} did not start: ${answer.message}`);
  return answer;
}

function ask<Access>(name: string): Promise<ServiceAnswer<Access>> {
  return new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port: inject('servicesPort'), path: `/${name}`, method: 'POST' };
    const asking = request({ ...target, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve(JSON.parse(text)));
      answer.on('error', reject);
    });
    asking.on('error', reject).end();
  });
}
