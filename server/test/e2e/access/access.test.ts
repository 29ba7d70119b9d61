import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storeName } from '#test/profiles/place.ts';
import { type RunningService, startService } from '../service.ts';
import { createPeople } from './access-people.ts';
import type { Row } from './expected.ts';
import { createKeys, type Keys, OF_KIND, type PrincipalName, type Shown, showings } from './principals.ts';
import { TABLE } from './table.ts';
import {
  type Answer,
  type Call,
  CONTENT,
  createWorld,
  EXPIRE_MS,
  md5Of,
  queryOf,
  send,
  V0,
  V1,
  type World,
} from './world.ts';

const REPORT = new URL('./report-routes.ts', import.meta.url).href;
const AT_ONCE = 4;

let service: RunningService;
let keys: Keys;
/** One for each route that changes things, by its name; the others share one. */
const worlds = new Map<string, World>();
const SHARED = 'shared';

beforeAll(async () => {
  service = await startService({
    env: {
      NODE_OPTIONS: `--import ${REPORT}`,
      OSPROXY_HTTP_CORS_ORIGINS: 'https://app.example',
      // Every wrong key of the table is to be judged by itself.
      OSPROXY_HTTP_FAILED_AUTHENTICATIONS: '0',
      // Stores of another kind than local-disk are scrubbed only where they are named.
      OSPROXY_SCRUB_STORES: storeName,
      OSPROXY_CLUSTER_SECRET: 'a cluster secret of 32 characters or more',
    },
  });
  keys = await createKeys(service);
  const waiting = [SHARED, ...Object.keys(TABLE).filter((name) => TABLE[name]?.changes === true)];
  const lane = async () => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      worlds.set(name, await freshWorld(TABLE[name]));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  await sleep(EXPIRE_MS);
}, 120_000);
afterAll(() => service?.close());

/** GET also stands for HEAD, which every GET has but those that say otherwise. */
test('the table has a row for every route, and none for what is no route', () => {
  const line = service.lines.find((one) => one.startsWith('{"routes":'));
  const { routes } = JSON.parse(line ?? '{"routes":[]}') as { routes: string[] };
  const known = routes.map((route) => route.replace(/^HEAD /, 'GET '));
  expect(known.length).toBeGreaterThan(30);
  expect([...new Set(known)].sort()).toEqual(Object.keys(TABLE).sort());
});

describe.each(Object.entries(TABLE))('%s', (name, row) => {
  const refused = principals(row, (status) => status >= 400);
  const admitted = principals(row, (status) => status < 400);

  if (refused.length > 0) {
    test(`refuses ${refused.length} of ${refused.length + admitted.length}`, async () => {
      const world = worldOf(name);
      const wrong: string[] = [];
      for (const principal of refused) {
        for (const shown of showings(principal, keys, world)) {
          wrong.push(...(await mistakes(row, principal, shown, world)));
        }
      }
      expect(wrong.slice(0, 12)).toEqual([]);
    }, 60_000);
  }

  // The first one meets the world that all the refused ones have met before, and finds it as it was.
  test(`lets in ${refused.length === 0 ? 'everybody' : admitted.join(', ')}`, async () => {
    const wrong: string[] = [];
    let world: World | undefined = worldOf(name);
    for (const principal of admitted) {
      for (const way of showings(principal, keys, worldOf(name)).keys()) {
        world ??= await freshWorld(row, principal);
        const shown = showings(principal, keys, world)[way];
        if (shown !== undefined) wrong.push(...(await mistakes(row, principal, shown, world)));
        if (row.changes === true) world = undefined;
      }
    }
    expect(wrong.slice(0, 12)).toEqual([]);
  }, 60_000);
});

test('each kind of principal is in every row', () => {
  for (const [name, { expected }] of Object.entries(TABLE))
    for (const principal of Object.values(OF_KIND).flat())
      expect([name, principal, typeof expected[principal]]).toEqual([name, principal, 'number']);
});

test('a listing shows the files of the own owner only, but all to an admin', async () => {
  const { file } = worldOf('GET /api/v1/files');
  const listed = async (key: string) =>
    (await ask(key, { method: 'GET', path: `${V1}/files?limit=1000` })).text;
  expect(await listed(keys.read)).toContain(file);
  expect(await listed(keys.admin)).toContain(file);
  expect(await listed(keys.otherOwner)).not.toContain(file);
});

test('content of one owner is not found by its digest for another', async () => {
  const found = async (key: string) => {
    const json = { data: [{ md5: md5Of(CONTENT), path: 'again.txt' }] };
    const { text } = await ask(key, { method: 'POST', path: `${V0}/resume`, json });
    return JSON.parse(text).data[0].uid;
  };
  expect(await found(keys.write)).toMatch(/^\d+$/);
  expect(await found(keys.otherOwner)).toBe('');
});

test('with http.publicMetrics off, /metrics is for admins', async () => {
  const closed = await startService({ env: { OSPROXY_HTTP_PUBLIC_METRICS: 'false' } });
  try {
    const own = await createKeys(closed);
    const world = worldOf('GET /metrics');
    const got: Record<string, number[]> = {};
    for (const principal of METRICS_PRINCIPALS) {
      const answers = showings(principal, own, world).map(({ headers }) =>
        send(closed.url, { method: 'GET', path: '/metrics', headers }),
      );
      got[principal] = [...new Set((await Promise.all(answers)).map(({ status }) => status))];
    }
    expect(got).toEqual({
      nobody: [401],
      wrongKey: [401],
      expiredKey: [401],
      revokedKey: [401],
      readKey: [403],
      otherOwner: [403],
      admin: [200],
    });
  } finally {
    await closed.close();
  }
});

const METRICS_PRINCIPALS = [
  'nobody',
  'wrongKey',
  'expiredKey',
  'revokedKey',
  'readKey',
  'otherOwner',
  'admin',
] as const satisfies readonly PrincipalName[];

function principals(row: Row, which: (status: number) => boolean): PrincipalName[] {
  const names = Object.keys(row.expected) as PrincipalName[];
  return names.filter((name) => which(row.expected[name]));
}

function worldOf(name: string): World {
  const world = worlds.get(name) ?? worlds.get(SHARED);
  if (world === undefined) throw new Error(`Nothing was made for ${name}.`);
  return world;
}

async function freshWorld(row: Row | undefined, principal?: PrincipalName): Promise<World> {
  const people = row?.changesPeople === true ? await createPeople(service) : undefined;
  const world = await createWorld(service.url, keys.builder, (people ?? keys.people).member);
  if (principal?.includes('Expired')) await sleep(EXPIRE_MS);
  return people === undefined ? world : { ...world, people };
}

function ask(key: string, call: Call): Promise<Answer> {
  return send(service.url, { ...call, headers: { authorization: `Bearer ${key}` } });
}

/** What is wrong with the answers, in words; a route that can be read is asked with HEAD too. */
async function mistakes(row: Row, principal: PrincipalName, shown: Shown, world: World): Promise<string[]> {
  const wished = expectedOf(row, principal, shown);
  const call = withShown(row.call(world, shown.signed ?? {}), shown);
  const found: string[] = [];
  for (const method of call.method === 'GET' && row.noHead !== true ? ['GET', 'HEAD'] : [call.method]) {
    const { status, text } = await send(service.url, { ...call, method });
    const where = `${method} ${call.path} by ${principal}, showing ${shown.what}`;
    if (status !== wished) found.push(`${where}: ${status} instead of ${wished}: ${text.slice(0, 300)}`);
    if (wished >= 400 && text.includes(CONTENT)) found.push(`${where}: the content is in the answer`);
  }
  return found;
}

function expectedOf(row: Row, principal: PrincipalName, shown: Shown): number {
  const unseen = shown.token !== undefined && row.takesLinks !== true;
  return row.expected[unseen ? 'nobody' : principal];
}

function withShown(call: Call, { headers, token, signed }: Shown): Call {
  const more = { ...(token === undefined ? {} : { link: token }), ...signed };
  const separator = call.path.includes('?') ? '&' : '?';
  const known = signed !== undefined && call.path.startsWith(V0);
  const query = known || Object.keys(more).length === 0 ? '' : `${separator}${queryOf(more)}`;
  return { ...call, path: `${call.path}${query}`, headers: { ...call.headers, ...headers } };
}
