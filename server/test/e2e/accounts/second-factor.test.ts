import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD, signUp, type TestPerson } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

let service: RunningService;
let anybody: RestClient;

beforeAll(async () => {
  service = await startService();
  anybody = new RestClient(service.url);
});
afterAll(async () => {
  anybody?.close();
  await service?.close();
});

interface Enrolled {
  readonly person: TestPerson;
  readonly recoveryCodes: readonly string[];
  /** The code of the next step after those that were used. */
  code(): string;
}

/** The codes of the step before, of now and of the next are taken, each once and in order. */
function app(secret: string) {
  let step = -1;
  return () => {
    const timestamp = Date.now() + step * 30_000;
    step += 1;
    return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp });
  };
}

async function enrolled(name: string): Promise<Enrolled> {
  const person = await signUp(service, name);
  const begun = await person.client.call('POST', '/me/second-factor', { json: { password: PASSWORD } });
  const { secret, uri } = begun.json as unknown as { secret: string; uri: string };
  expect(uri).toContain(`otpauth://totp/osproxy:${name}?`);
  const code = app(secret);
  const confirmed = await person.client.call('POST', '/me/second-factor/confirm', { json: { code: code() } });
  expect(confirmed.status).toBe(200);
  const { recoveryCodes } = confirmed.json as unknown as { recoveryCodes: string[] };
  expect(new Set(recoveryCodes).size).toBe(10);
  return { person, recoveryCodes, code };
}

async function challenge(name: string): Promise<string> {
  const answer = await anybody.call('POST', '/auth/sign-in', { json: { name, password: PASSWORD } });
  expect(answer.status).toBe(202);
  expect(JSON.stringify(answer.json)).not.toMatch(/accessToken|refreshToken/);
  return (answer.json as unknown as { challenge: string }).challenge;
}

const answerTo = (text: string, code: string) =>
  anybody.call('POST', '/auth/sign-in/second-factor', { json: { challenge: text, code } });

test('is asked for after it was confirmed, and each code is good once', async () => {
  const { person, code } = await enrolled('anna');
  const status = await person.client.call('GET', '/me/second-factor');
  expect(status.json).toEqual({ enabled: true, recoveryCodesLeft: 10 });
  const used = code();
  const signedIn = await answerTo(await challenge('anna'), used);
  expect(signedIn.status).toBe(200);
  const again = await challenge('anna');
  expect((await answerTo(again, used)).status).toBe(401);
  expect((await answerTo(again, code())).status).toBe(200);
  const sessions = (await person.client.call('GET', '/me/sessions')).json as unknown as {
    sessions: { how: string }[];
  };
  expect(sessions.sessions.map(({ how }) => how)).toEqual(['password+totp', 'password+totp', 'password']);
  person.client.close();
});

test('a challenge is good once, and for five wrong codes', async () => {
  const { person, code } = await enrolled('bert');
  const first = await challenge('bert');
  for (let n = 0; n < 5; n += 1) expect((await answerTo(first, '000000')).status).toBe(401);
  const late = await answerTo(first, code());
  expect(late.json.details).toEqual({ reason: 'challenge-over' });
  const second = await challenge('bert');
  expect((await answerTo(second, code())).status).toBe(200);
  expect((await answerTo(second, '111111')).json.details).toEqual({ reason: 'challenge-over' });
  expect((await answerTo('A'.repeat(43), '111111')).status).toBe(401);
  person.client.close();
});

test('two who show one code at once are not both let in', async () => {
  const { person, code } = await enrolled('cleo');
  const [one, two] = [await challenge('cleo'), await challenge('cleo')];
  const used = code();
  const statuses = (await Promise.all([answerTo(one, used), answerTo(two, used)])).map(
    ({ status }) => status,
  );
  expect(statuses.sort()).toEqual([200, 401]);
  person.client.close();
});

test('codes are guessed ten times, not more, whatever the challenge', async () => {
  const { person, recoveryCodes } = await enrolled('dora');
  const statuses: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    const text = await challenge('dora');
    for (let m = 0; m < 4; m += 1) statuses.push((await answerTo(text, '000000')).status);
  }
  expect(statuses.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => 401));
  const refused = await answerTo(await challenge('dora'), recoveryCodes[0] ?? '');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(60);
  person.client.close();
});

test('recovery codes stand in for the app, once each, however they are typed', async () => {
  const { person, recoveryCodes } = await enrolled('emil');
  const [one = '', two = ''] = recoveryCodes;
  expect((await answerTo(await challenge('emil'), one.toUpperCase().replaceAll('-', ' '))).status).toBe(200);
  expect((await answerTo(await challenge('emil'), one)).status).toBe(401);
  const left = await person.client.call('GET', '/me/second-factor');
  expect(left.json).toEqual({ enabled: true, recoveryCodesLeft: 9 });
  const renew = (password: string) =>
    person.client.call('POST', '/me/second-factor/recovery-codes', { json: { password } });
  expect((await renew('wrong password')).status).toBe(403);
  const renewed = (await renew(PASSWORD)).json as unknown as { recoveryCodes: string[] };
  expect((await answerTo(await challenge('emil'), two)).status).toBe(401);
  expect((await answerTo(await challenge('emil'), renewed.recoveryCodes[0] ?? '')).status).toBe(200);
  person.client.close();
});

test('it is switched off with the password, or by an administrator', async () => {
  const { person } = await enrolled('finn');
  const disable = (password: string) =>
    person.client.call('POST', '/me/second-factor/disable', { json: { password } });
  expect((await disable('wrong password')).status).toBe(403);
  await challenge('finn');
  expect((await disable(PASSWORD)).status).toBe(204);
  const plain = await anybody.call('POST', '/auth/sign-in', { json: { name: 'finn', password: PASSWORD } });
  expect(plain.status).toBe(200);
  person.client.close();

  const { person: other } = await enrolled('gina');
  const admin = new RestClient(service.url, service.apiKey);
  expect((await admin.call('DELETE', `/users/${other.userId}/second-factor`)).status).toBe(204);
  expect((await admin.call('DELETE', `/users/${other.userId}/second-factor`)).status).toBe(409);
  expect(
    (await anybody.call('POST', '/auth/sign-in', { json: { name: 'gina', password: PASSWORD } })).status,
  ).toBe(200);
  admin.close();
  other.client.close();
});

test('nothing rests on one that was not confirmed', async () => {
  const person = await signUp(service, 'hans');
  const begin = (password: string) => person.client.call('POST', '/me/second-factor', { json: { password } });
  expect((await begin('wrong password')).status).toBe(403);
  expect((await begin(PASSWORD)).status).toBe(200);
  const confirm = await person.client.call('POST', '/me/second-factor/confirm', { json: { code: '000000' } });
  expect(confirm.status).toBe(403);
  expect(
    (await anybody.call('POST', '/auth/sign-in', { json: { name: 'hans', password: PASSWORD } })).status,
  ).toBe(200);
  person.client.close();
});
