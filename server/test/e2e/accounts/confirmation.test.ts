import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Metadata } from '#core/ports/metadata.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { Browser } from '#test/services/identity/browser.ts';
import { githubUser } from '#test/services/identity/people.ts';
import { silentLogger } from '#test/silent-logger.ts';
import { PASSWORD, signIn, signUp } from '../people.ts';
import { type Answer, RestClient } from '../rest/client.ts';
import { beginLinking, type Stage, signInWith, startStage } from './sign-in-with.ts';

const MINUTE = 60_000;
const WRONG = 'not the password at all';
const NEW = 'a new and long password';

let stage: Stage;
let metadata: Metadata;
const clients: RestClient[] = [];
beforeAll(async () => {
  stage = await startStage({
    ...{ OSPROXY_ACCOUNTS_FAILURES_PER_ACCOUNT: '4', OSPROXY_HTTP_TRUSTED_PROXIES: '127.0.0.1' },
    OSPROXY_ACCOUNTS_SIGN_UP: 'open',
  });
  metadata = await openMetadata(stage.service.databaseUrl, { logger: silentLogger });
}, 120_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await metadata?.close();
  await stage?.close();
});

type Send = (client: RestClient, password?: string, address?: string) => Promise<Answer>;

function post(path: string, more: object = {}, field = 'password'): Send {
  return (client, password, address = '203.0.113.1') =>
    client.call('POST', path, {
      json: { ...more, ...(password === undefined ? {} : { [field]: password }) },
      headers: { 'x-forwarded-for': address },
    });
}

const setUpFactor = post('/me/second-factor');
const link = post('/me/identities/github/begin', { returnTo: '/settings' });
/** Whatever adds or changes a way in. */
const WAYS: readonly (readonly [string, Send])[] = [
  ['linking an identity', link],
  ['setting up a second factor', setUpFactor],
  ['new recovery codes', post('/me/second-factor/recovery-codes')],
  ['switching the second factor off', post('/me/second-factor/disable')],
  ['another e-mail address', post('/me/email', { email: 'thief@example.com' })],
  ['another password', post('/me/password', { newPassword: NEW }, 'oldPassword')],
];

/** The session began so long ago, and everything else of it stays. */
async function age(userId: string, ms: number): Promise<void> {
  const sessions = await metadata.sessions.ofUser(userId, Date.now(), 10);
  await metadata.transaction(async (repositories) => {
    await repositories.sessions.removeOfUser(userId);
    for (const session of sessions)
      await repositories.sessions.insert({ ...session, createdAt: session.createdAt - ms });
  });
}

/** Somebody who came by another service and has no password. */
async function withoutPassword(number: number) {
  stage.github.user = githubUser(number);
  const browser = new Browser();
  await signInWith(stage, browser, 'github');
  const response = await browser.fetch(`${stage.service.url}/api/v1/auth/refresh`, {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin' },
  });
  const { accessToken, sessionId, user } = (await response.json()) as {
    accessToken: string;
    sessionId: string;
    user: { id: string };
  };
  const client = new RestClient(stage.service.url, accessToken);
  clients.push(client);
  return { client, userId: user.id, sessionId };
}

const refusal = ({ status, json }: Answer) => [status, json.details.reason];

describe('a stolen access token', () => {
  test.each(WAYS)('is not enough for %s', async (what, send) => {
    const name = what.replaceAll(/\W/g, '-');
    const { client, userId } = await signUp(stage.service, name, { email: `${name}@example.com` });
    clients.push(client);
    expect(refusal(await send(client))).toEqual([403, 'confirm']);
    await age(userId, 24 * 60 * MINUTE);
    expect(refusal(await send(client))).toEqual([403, 'confirm']);
    const guess = await send(client, WRONG);
    expect(guess.status).toBe(403);
    expect(guess.bytes.toString()).not.toContain(WRONG);
    expect((await client.call('GET', '/me/identities')).json).toEqual({ identities: [] });
    expect((await client.call('GET', '/me/second-factor')).json).toMatchObject({ enabled: false });
    (await signIn(stage.service, name)).client.close();
  });

  test('of somebody without a password is not enough once the session is ten minutes old', async () => {
    const { client, userId, sessionId } = await withoutPassword(201);
    await age(userId, 11 * MINUTE);
    for (const [, send] of WAYS) {
      expect(refusal(await send(client))).toEqual([403, 'confirm']);
      expect(refusal(await send(client, WRONG))).toEqual([403, 'confirm']);
    }
    // Nor does a refresh make the session younger.
    const refreshToken = randomBytes(32).toString('base64url');
    const hash = createHash('sha256').update(refreshToken).digest('hex');
    const expiresAt = Date.now() + 60 * MINUTE;
    await metadata.transaction(({ sessions }) =>
      sessions.insertToken({ hash, sessionId, expiresAt, usedAt: undefined, nonce: undefined }),
    );
    const answer = await client.call('POST', '/auth/refresh', { json: { refreshToken } });
    expect(answer.status).toBe(200);
    const { accessToken } = answer.json as unknown as { accessToken: string };
    const refreshed = new RestClient(stage.service.url, accessToken);
    clients.push(refreshed);
    expect(refusal(await link(refreshed))).toEqual([403, 'confirm']);
  });

  test('guesses the password no more often than a sign-in does, whatever the route', async () => {
    const { client } = await signUp(stage.service, 'guessed');
    clients.push(client);
    const statuses: number[] = [];
    for (const [, send] of WAYS) statuses.push((await send(client, WRONG, '198.51.100.7')).status);
    expect(statuses).toEqual([403, 403, 403, 403, 429, 429]);
    const locked = await link(client, PASSWORD, '198.51.100.7');
    expect(locked.status).toBe(429);
    expect(Number(locked.headers['retry-after'])).toBeGreaterThan(600);
    const signingIn = await client.call('POST', '/auth/sign-in', {
      json: { name: 'guessed', password: PASSWORD },
      headers: { 'x-forwarded-for': '198.51.100.7' },
    });
    expect(signingIn.status).toBe(429);
    expect((await link(client, PASSWORD, '198.51.100.8')).status).toBe(200);
  });
});

describe('the owner', () => {
  test('links with the password, which the address that the browser goes to does not have', async () => {
    const person = await signUp(stage.service, 'linking-owner');
    clients.push(person.client);
    const url = await beginLinking(stage, new Browser(), person, 'github');
    expect(decodeURIComponent(url.href)).not.toContain(PASSWORD);
    await expect(beginLinking(stage, new Browser(), person, 'github', WRONG)).rejects.toThrow('403');
  });

  test('who has no password and just signed in links, sets up a second factor, and sets a password', async () => {
    const { client } = await withoutPassword(202);
    expect((await link(client)).status).toBe(200);
    expect((await setUpFactor(client)).status).toBe(200);
    const set = await client.call('POST', '/me/password', { json: { newPassword: NEW } });
    expect(set.status).toBe(200);
    const { accessToken } = set.json as unknown as { accessToken: string };
    const after = new RestClient(stage.service.url, accessToken);
    clients.push(after);
    // From now on there is a password, and young sessions are not enough.
    expect(refusal(await link(after))).toEqual([403, 'confirm']);
    expect((await link(after, NEW)).status).toBe(200);
  });
});
