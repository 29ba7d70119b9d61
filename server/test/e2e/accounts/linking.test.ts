import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Browser } from '#test/services/identity/browser.ts';
import { githubUser, oidcUser, qqUser } from '#test/services/identity/people.ts';
import { PASSWORD, signUp, type TestPerson } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { beginLinking, beginUrl, link, type Stage, startStage, upToCallback, V1 } from './sign-in-with.ts';

interface IdentityWire {
  readonly id: string;
  readonly provider: string;
  readonly title?: string;
  readonly subject: string;
  readonly email?: string;
  readonly name?: string;
  readonly lastUsedAt?: string;
}

let stage: Stage;
const clients: RestClient[] = [];
let made = 0;
beforeAll(async () => {
  stage = await startStage();
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await stage?.close();
});

async function person(): Promise<TestPerson> {
  made += 1;
  const one = await signUp(stage.service, `linker-${made}`);
  clients.push(one.client);
  return one;
}

async function identitiesOf({ client }: TestPerson): Promise<readonly IdentityWire[]> {
  const { json } = await client.call('GET', '/me/identities');
  return (json as unknown as { identities: readonly IdentityWire[] }).identities;
}

describe('linking', () => {
  test('an identity of each provider, which are listed and can be unlinked', async () => {
    const one = await person();
    stage.corp.user = oidcUser(1);
    stage.github.user = githubUser(1);
    stage.qq.user = qqUser(1);
    for (const provider of ['corp', 'github', 'qq']) {
      const { url } = await link(stage, one, provider);
      expect(`${url.pathname}${url.search}`).toBe(`/settings?linked=${provider}`);
    }
    const all = await identitiesOf(one);
    expect(all.map(({ id: _id, ...rest }) => rest)).toEqual([
      {
        ...{ provider: 'corp', title: 'Our Company', subject: 'subject-1', name: 'Person 1' },
        ...{ email: 'person-1@corp.example', linkedAt: expect.any(String) },
      },
      {
        ...{ provider: 'github', title: 'GitHub', subject: '1000001', name: 'Coder 1' },
        ...{ email: 'coder-1@github.example', linkedAt: expect.any(String) },
      },
      {
        ...{ provider: 'qq', title: 'QQ', subject: qqUser(1).openid, name: '小李1' },
        linkedAt: expect.any(String),
      },
    ]);
    for (const { id } of all) {
      expect((await one.client.call('DELETE', `/me/identities/${id}`)).status).toBe(204);
      expect((await one.client.call('DELETE', `/me/identities/${id}`)).status).toBe(404);
    }
    expect(await identitiesOf(one)).toEqual([]);
  });

  test('the same again is fine, and another identity of the same provider too', async () => {
    const one = await person();
    for (const number of [10, 10, 11]) {
      stage.github.user = githubUser(number);
      expect((await link(stage, one, 'github')).url.search).toBe('?linked=github');
    }
    expect(await identitiesOf(one)).toHaveLength(2);
  });

  test('what is linked to somebody else stays there', async () => {
    const [one, other] = [await person(), await person()];
    stage.github.user = githubUser(20);
    await link(stage, one, 'github');
    const { url } = await link(stage, other, 'github');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      signInError: 'linked-elsewhere',
      provider: 'github',
    });
    expect(await identitiesOf(other)).toEqual([]);
    const [first] = await identitiesOf(one);
    expect((await other.client.call('DELETE', `/me/identities/${first?.id}`)).status).toBe(404);
    expect(await identitiesOf(one)).toHaveLength(1);
  });

  test('what the person refused is not linked', async () => {
    const one = await person();
    stage.qq.user = undefined;
    const { url } = await link(stage, one, 'qq');
    expect(url.searchParams.get('signInError')).toBe('denied');
    expect(await identitiesOf(one)).toEqual([]);
  });

  test('nobody links after having signed out', async () => {
    const one = await person();
    stage.github.user = githubUser(30);
    const browser = new Browser();
    const callback = await upToCallback(browser, await beginLinking(stage, browser, one, 'github'));
    await one.client.call('POST', '/auth/sign-out');
    const { url } = await browser.visit(callback, ({ pathname }) => pathname === '/settings');
    expect(url.searchParams.get('signInError')).toBe('signed-out');
  });

  test('a link that somebody else began cannot be finished by whom it is sent to', async () => {
    const attacker = await person();
    const [theirs, victims] = [new Browser(), new Browser()];
    const url = await beginLinking(stage, theirs, attacker, 'github');
    stage.github.user = githubUser(40);
    const callback = await upToCallback(victims, url);
    const answer = await victims.fetch(callback);
    expect(answer.status).toBe(410);
    expect(await identitiesOf(attacker)).toEqual([]);
    // Having begun something of its own does not help either.
    await victims.fetch(beginUrl(stage, 'github'));
    expect((await victims.fetch(callback)).status).toBe(410);
    expect(await identitiesOf(attacker)).toEqual([]);
  });

  test('goes on at paths of this service only, and only with providers that there are', async () => {
    const one = await person();
    const begin = (provider: string, json: object) =>
      one.client.call('POST', `/me/identities/${provider}/begin`, { json: { password: PASSWORD, ...json } });
    for (const returnTo of [
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      'http://127.0.0.1:1/',
    ])
      expect((await begin('github', { returnTo })).status).toBe(400);
    expect((await begin('nobody', {})).status).toBe(404);
    expect((await begin('github', {})).status).toBe(200);
    const nothing = await one.client.call('POST', '/me/identities/github/begin');
    expect([nothing.status, nothing.json.details.reason]).toEqual([403, 'confirm']);
  });

  test('what goes with a deleted user can be linked by somebody else', async () => {
    const [one, other] = [await person(), await person()];
    stage.github.user = githubUser(50);
    await link(stage, one, 'github');
    const admin = new RestClient(stage.service.url, stage.service.apiKey);
    clients.push(admin);
    expect((await admin.call('DELETE', `/users/${one.userId}`)).status).toBe(204);
    expect((await link(stage, other, 'github')).url.search).toBe('?linked=github');
  });

  test('is written down', async () => {
    const one = await person();
    stage.github.user = githubUser(60);
    await link(stage, one, 'github');
    const [identity] = await identitiesOf(one);
    await one.client.call('DELETE', `/me/identities/${identity?.id}`);
    const admin = new RestClient(stage.service.url, stage.service.apiKey);
    clients.push(admin);
    const { json } = await admin.call('GET', `/audit?subject=${one.userId}&action=identity.*`);
    const { entries } = json as unknown as { entries: { action: string; actor: { id?: string } }[] };
    expect(entries.map(({ action, actor }) => [action, actor.id])).toEqual([
      ['identity.unlinked', one.userId],
      ['identity.linked', one.userId],
    ]);
  });
});

test('the providers are told to everybody, without their secrets', async () => {
  const response = await fetch(`${stage.service.url}${V1}/auth/providers`);
  expect(await response.json()).toEqual({
    providers: [
      { name: 'corp', title: 'Our Company', type: 'oidc' },
      { name: 'github', title: 'GitHub', type: 'github' },
      { name: 'qq', title: 'QQ', type: 'qq' },
    ],
  });
});
