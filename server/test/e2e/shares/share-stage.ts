import { afterAll, beforeAll } from 'vitest';
import { signUp, type TestPerson } from '../people.ts';
import { type Answer, type CallOptions, RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';
import { type DriveDesk, openDriveDesk } from './drive-desk.ts';

export interface Made {
  readonly id: string;
  readonly key: string;
  readonly url: string;
  readonly hasPassword: boolean;
  readonly downloads: number;
  readonly uploads: number;
  readonly permission: string;
  readonly label?: string;
  readonly maxDownloads?: number;
  readonly expiresAt?: string;
  readonly lastUsedAt?: string;
}

export interface ShareStage {
  readonly service: RunningService;
  readonly desk: DriveDesk;
  readonly owner: TestPerson;
  readonly other: TestPerson;
  /** Shows nothing. */
  readonly nobody: RestClient;
  share(entry: string, more?: object): Promise<Made>;
  /** What the owner sees of it. */
  look(id: string): Promise<Made>;
  /** A visitor's call; `path` below the share. */
  visit(key: string, path?: string, options?: CallOptions & { readonly method?: string }): Promise<Answer>;
  unlock(key: string, password: string, headers?: Record<string, string>): Promise<Answer>;
}

/** A service with two people for the tests of one file. Who calls says its address in X-Forwarded-For. */
export function shareStage(env: Record<string, string> = {}): () => ShareStage {
  let current: ShareStage | undefined;
  beforeAll(async () => {
    const service = await startService({
      env: { OSPROXY_HTTP_TRUSTED_PROXIES: '127.0.0.1', ...env },
    });
    const nobody = new RestClient(service.url);
    const owner = await signUp(service, 'owner');
    const visit: ShareStage['visit'] = (key, path = '', { method = 'GET', ...options } = {}) =>
      nobody.call(method, `/shared/${key}${path}`, options);
    const other = await signUp(service, 'other');
    const desk = await openDriveDesk(service);
    for (const person of [owner, other]) desk.know(person);
    current = {
      ...{ service, nobody, owner, visit, other, desk },
      share: async (entry, more = {}) => {
        const made = await owner.client.call('POST', '/shares', { json: { entry, ...more } });
        if (made.status !== 201) throw new Error(`share: ${made.status} ${made.bytes}`);
        return made.json as unknown as Made;
      },
      look: async (id) => (await owner.client.call('GET', `/shares/${id}`)).json as unknown as Made,
      unlock: (key, password, headers = {}) =>
        visit(key, '/unlock', { method: 'POST', json: { password }, headers }),
    };
  }, 120_000);
  afterAll(async () => {
    current?.nobody.close();
    current?.owner.client.close();
    current?.other.client.close();
    await current?.desk.close();
    await current?.service.close();
  });
  return () => {
    if (current === undefined) throw new Error('No test is running.');
    return current;
  };
}

/** The headers of a visitor at this address. */
export function from(address: string, more: Record<string, string> = {}): Record<string, string> {
  return { 'x-forwarded-for': address, ...more };
}

export function bodyOf(answer: Answer): Record<string, unknown> {
  return answer.json as unknown as Record<string, unknown>;
}
