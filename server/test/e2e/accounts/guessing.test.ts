import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD, signIn, signUp } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

let service: RunningService;
let anybody: RestClient;

beforeAll(async () => {
  // A proxy that is believed, so that requests can come from many addresses.
  service = await startService({
    env: {
      OSPROXY_HTTP_TRUSTED_PROXIES: '127.0.0.1',
      OSPROXY_ACCOUNTS_FAILURES_PER_ACCOUNT: '4',
      OSPROXY_ACCOUNTS_FAILURES_PER_ADDRESS: '12',
    },
  });
  anybody = new RestClient(service.url);
});
afterAll(async () => {
  anybody?.close();
  await service?.close();
});

const attempt = (name: string, password: string, address: string) =>
  anybody.call('POST', '/auth/sign-in', {
    json: { name, password },
    headers: { 'x-forwarded-for': address },
  });

async function statuses(count: number, name: string, address: string, password = 'a wrong password') {
  const found: number[] = [];
  for (let n = 0; n < count; n += 1) found.push((await attempt(name, password, address)).status);
  return found;
}

test('a network guesses at an account so often and no more, and is told when it may again', async () => {
  (await signUp(service, 'anna')).client.close();
  expect(await statuses(5, 'anna', '203.0.113.1')).toEqual([401, 401, 401, 401, 429]);
  const refused = await attempt('anna', PASSWORD, '203.0.113.1');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(600);
  // Somebody else is not kept out.
  expect((await attempt('anna', PASSWORD, '203.0.113.2')).status).toBe(200);
});

test('a name that nobody has is refused in the same way', async () => {
  expect(await statuses(5, 'nobody-here', '203.0.113.3')).toEqual([401, 401, 401, 401, 429]);
});

test('many guesses at once are no more than the limit', async () => {
  (await signUp(service, 'bert')).client.close();
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => attempt('bert', 'a wrong password', '203.0.113.4')),
  );
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(4);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(8);
});

test('a right password sets the count back', async () => {
  (await signUp(service, 'cleo')).client.close();
  for (let round = 0; round < 3; round += 1) {
    expect(await statuses(3, 'cleo', '203.0.113.5')).toEqual([401, 401, 401]);
    expect((await attempt('cleo', PASSWORD, '203.0.113.5')).status).toBe(200);
  }
});

test('guesses at one account from many networks are limited together, but not for where the user is signed in', {
  timeout: 120_000,
}, async () => {
  const dora = await signUp(service, 'dora');
  const home = '198.51.100.7';
  expect((await attempt('dora', PASSWORD, home)).status).toBe(200);
  const found: number[] = [];
  for (let n = 1; n <= 30; n += 1) found.push(...(await statuses(1, 'dora', `192.0.2.${n}`)));
  expect(found.filter((status) => status === 401)).toHaveLength(20);
  expect(found.slice(20)).toEqual(Array.from({ length: 10 }, () => 429));
  expect((await attempt('dora', PASSWORD, '192.0.2.200')).status).toBe(429);
  expect((await attempt('dora', PASSWORD, home)).status).toBe(200);
  dora.client.close();
});

test('one network guesses at many accounts so often and no more', async () => {
  const found: number[] = [];
  for (let n = 0; n < 16; n += 1) found.push(...(await statuses(1, `somebody-${n}`, '203.0.113.66')));
  expect(found).toEqual([...Array.from({ length: 12 }, () => 401), ...Array.from({ length: 4 }, () => 429)]);
});

test('an IPv6 customer is one network', async () => {
  const found: number[] = [];
  for (let n = 1; n <= 5; n += 1) found.push(...(await statuses(1, 'emil', `2001:db8:1:2::${n}`)));
  expect(found).toEqual([401, 401, 401, 401, 429]);
});

test('a restart forgets nothing', { timeout: 120_000 }, async () => {
  const own = await startService({ env: { OSPROXY_ACCOUNTS_FAILURES_PER_ACCOUNT: '3' } });
  (await signUp(own, 'anna')).client.close();
  const client = new RestClient(own.url);
  const json = { name: 'anna', password: 'a wrong password' };
  for (let n = 0; n < 3; n += 1)
    expect((await client.call('POST', '/auth/sign-in', { json })).status).toBe(401);
  client.close();
  await own.stop();
  const again = await startService({
    dataDir: own.dataDir,
    env: { OSPROXY_ACCOUNTS_FAILURES_PER_ACCOUNT: '3' },
  });
  try {
    await expect(signIn(again, 'anna')).rejects.toThrow('429');
  } finally {
    await again.stop();
    await own.close();
  }
});
