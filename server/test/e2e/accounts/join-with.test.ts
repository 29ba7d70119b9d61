import { afterAll, beforeAll, expect, test } from 'vitest';
import { Browser } from '#test/services/identity/browser.ts';
import { githubUser, oidcUser, qqUser } from '#test/services/identity/people.ts';
import { freePort } from '#test/services/ports.ts';
import { signUp } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { type Stage, sessionOf, signInWith, startStage } from './sign-in-with.ts';

let stage: Stage;
let admin: RestClient;
beforeAll(async () => {
  stage = await startStage({ OSPROXY_ACCOUNTS_SIGN_UP: 'open' });
  admin = new RestClient(stage.service.url, stage.service.apiKey);
}, 60_000);
afterAll(async () => {
  admin?.close();
  await stage?.close();
});

/** The user that the browser is signed in as after coming by the provider. */
async function joined(provider: string) {
  const browser = new Browser();
  const { url } = await signInWith(stage, browser, provider);
  expect(url.search).toBe('');
  return (await sessionOf(stage, browser)).user as unknown as Readonly<Record<string, unknown>>;
}

test('where sign-up is open, whom nobody knows gets an account', async () => {
  stage.corp.user = oidcUser(1);
  const one = await joined('corp');
  expect(one).toMatchObject({
    ...{ name: 'person-1', displayName: 'Person 1', email: 'person-1@corp.example', emailVerified: true },
    ...{ role: 'member', state: 'active' },
  });
  expect((await joined('corp')).id).toBe(one.id);
  stage.github.user = githubUser(1);
  expect(await joined('github')).toMatchObject({ name: 'coder-1', email: 'coder-1@github.example' });
  stage.qq.user = qqUser(1);
  const third = await joined('qq');
  expect(third).toMatchObject({ name: '小李1', emailVerified: false });
  expect(third).not.toHaveProperty('email');
});

test('a name that is taken is not taken over', async () => {
  const { client, userId } = await signUp(stage.service, 'coder-2');
  client.close();
  stage.github.user = githubUser(2);
  const joiner = await joined('github');
  expect(joiner).toMatchObject({ name: 'coder-2-2' });
  expect(joiner.id).not.toBe(userId);
});

test('an account is never opened by its address, and its owner is told what to do', async () => {
  const user = oidcUser(3);
  const { client } = await signUp(stage.service, 'owner-3', { email: user.email });
  stage.corp.user = user;
  const browser = new Browser();
  const { url } = await signInWith(stage, browser, 'corp');
  expect(Object.fromEntries(url.searchParams)).toEqual({ signInError: 'email-taken', provider: 'corp' });
  await expect(sessionOf(stage, browser)).rejects.toThrow('no refresh token');
  const { json } = await client.call('GET', '/me/identities');
  expect(json).toEqual({ identities: [] });
  client.close();
  // Where the provider has not checked the address it is as if there were none.
  stage.corp.user = { ...user, sub: 'unchecked-3', email_verified: false };
  expect(await joined('corp')).not.toHaveProperty('email');
});

test('the only way to sign in cannot be unlinked, until there is another', async () => {
  stage.github.user = githubUser(4);
  const browser = new Browser();
  await signInWith(stage, browser, 'github');
  const url = `${stage.service.url}/api/v1/auth/refresh`;
  const headers = { 'sec-fetch-site': 'same-origin' };
  const refreshed = await browser.fetch(url, { method: 'POST', headers });
  const { accessToken, user } = (await refreshed.json()) as { accessToken: string; user: { id: string } };
  const own = new RestClient(stage.service.url, accessToken);
  const { json } = await own.call('GET', '/me/identities');
  const [identity] = (json as unknown as { identities: { id: string }[] }).identities;
  const refused = await own.call('DELETE', `/me/identities/${identity?.id}`);
  expect(refused.status).toBe(409);
  expect(refused.json.details).toMatchObject({ reason: 'last-way' });
  own.close();
  const password = { password: 'a long and good password' };
  expect((await admin.call('POST', `/users/${user.id}/password`, { json: password })).status).toBeLessThan(
    300,
  );
  const again = new Browser();
  await signInWith(stage, again, 'github');
  const token = (await (await again.fetch(url, { method: 'POST', headers })).json()) as {
    accessToken: string;
  };
  const later = new RestClient(stage.service.url, token.accessToken);
  expect((await later.call('DELETE', `/me/identities/${identity?.id}`)).status).toBe(204);
  later.close();
  const { url: end } = await signInWith(stage, new Browser(), 'github');
  expect(end.searchParams.get('signInError')).toBe('email-taken');
});

test('where sign-up is for a domain, the provider must have checked an address of it', async () => {
  const port = await freePort();
  const narrow = await startStage({
    ...{ OSPROXY_PORT: String(port), OSPROXY_PUBLIC_URL: `http://127.0.0.1:${port}` },
    ...{ OSPROXY_ACCOUNTS_SIGN_UP: 'domain', OSPROXY_ACCOUNTS_SIGN_UP_DOMAINS: 'corp.example' },
    ...{ OSPROXY_MAIL_URL: 'smtp://127.0.0.1:9', OSPROXY_MAIL_FROM: 'files@corp.example' },
  });
  const failureOf = async (values: Readonly<Record<string, unknown>>) => {
    narrow.corp.user = oidcUser(9, values);
    const { url } = await signInWith(narrow, new Browser(), 'corp');
    return url.searchParams.get('signInError');
  };
  try {
    expect(await failureOf({ email_verified: false })).toBe('no-account');
    expect(await failureOf({ email: 'a@other.example' })).toBe('no-account');
    expect(await failureOf({ email: 'a@evilcorp.example' })).toBe('no-account');
    expect(await failureOf({ email: 'corp.example@other.example' })).toBe('no-account');
    expect(await failureOf({})).toBeNull();
  } finally {
    await narrow.close();
  }
}, 60_000);
