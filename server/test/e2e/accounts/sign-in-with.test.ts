import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Browser } from '#test/services/identity/browser.ts';
import { githubUser, oidcUser, qqUser } from '#test/services/identity/people.ts';
import { PASSWORD, signUp, type TestPerson } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import {
  beginUrl,
  link,
  type Stage,
  sessionOf,
  signInWith,
  startStage,
  upToCallback,
  V1,
} from './sign-in-with.ts';

let stage: Stage;
let admin: RestClient;
const people: TestPerson[] = [];
beforeAll(async () => {
  stage = await startStage();
  admin = new RestClient(stage.service.url, stage.service.apiKey);
}, 60_000);
afterAll(async () => {
  admin?.close();
  for (const { client } of people) client.close();
  await stage?.close();
});

/** Somebody who can sign in with GitHub as the coder of the same number. */
async function coder(number: number): Promise<TestPerson> {
  const one = await signUp(stage.service, `coder-of-${number}`);
  people.push(one);
  stage.github.user = githubUser(number);
  await link(stage, one, 'github');
  return one;
}

describe('signing in', () => {
  test('with each kind of provider, in a browser that keeps the refresh token', async () => {
    const one = await signUp(stage.service, 'everywhere');
    people.push(one);
    stage.corp.user = oidcUser(1);
    stage.github.user = githubUser(1);
    stage.qq.user = qqUser(1);
    for (const provider of ['corp', 'github', 'qq']) {
      await link(stage, one, provider);
      const browser = new Browser();
      const { url } = await signInWith(stage, browser, provider, { returnTo: '/files?sort=name#top' });
      expect(`${url.pathname}${url.search}${url.hash}`).toBe('/files?sort=name#top');
      expect(await sessionOf(stage, browser)).toMatchObject({ status: 200, user: { id: one.userId } });
    }
    const { json } = await one.client.call('GET', '/me/sessions');
    const { sessions } = json as unknown as { sessions: { how: string }[] };
    expect(sessions.map(({ how }) => how)).toEqual(['qq', 'github', 'corp', 'password']);
    const listed = await one.client.call('GET', '/me/identities');
    const { identities } = listed.json as unknown as { identities: { lastUsedAt?: string }[] };
    expect(identities.every(({ lastUsedAt }) => lastUsedAt !== undefined)).toBe(true);
  });

  test('gives cookies that scripts and other sites cannot use, and leaves no secret in the address', async () => {
    await coder(2);
    const browser = new Browser();
    const begun = await browser.fetch(beginUrl(stage, 'github', { returnTo: '/' }));
    expect(begun.status).toBe(302);
    const [binding] = begun.headers.getSetCookie();
    expect(binding).toMatch(/^osproxy_sign_in=[\w-]{43}; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(begun.headers.get('cache-control')).toBe('no-store');
    expect(begun.headers.get('referrer-policy')).toBe('no-referrer');
    const callback = await upToCallback(browser, begun.headers.get('location') ?? '');
    const ended = await browser.fetch(callback);
    expect(ended.status).toBe(303);
    expect(ended.headers.get('location')).toBe('/');
    expect(ended.headers.get('cache-control')).toBe('no-store');
    expect(ended.headers.getSetCookie()).toEqual([
      'osproxy_sign_in=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
      expect.stringMatching(
        /^osproxy_refresh=[\w-]{43}; Path=\/api\/v1\/auth; Expires=[^;]+; HttpOnly; SameSite=Strict$/,
      ),
    ]);
  });

  test('works in several tabs at once', async () => {
    const one = await coder(3);
    const browser = new Browser();
    const [first, second] = [
      await upToCallback(browser, beginUrl(stage, 'github', { returnTo: '/first' })),
      await upToCallback(browser, beginUrl(stage, 'github', { returnTo: '/second' })),
    ];
    for (const [callback, path] of [
      [first, '/first'],
      [second, '/second'],
    ] as const) {
      expect((await browser.fetch(callback)).headers.get('location')).toBe(path);
      expect((await sessionOf(stage, browser)).user.id).toBe(one.userId);
    }
  });

  test.each([
    ['corp', 'denied'],
    ['github', 'denied'],
    ['qq', 'denied'],
  ])('says where the person refused at %s', async (provider, reason) => {
    stage.corp.user = undefined;
    stage.github.user = undefined;
    stage.qq.user = undefined;
    const { url } = await signInWith(stage, new Browser(), provider, { returnTo: '/sign-in?a=b' });
    expect(Object.fromEntries(url.searchParams)).toEqual({ a: 'b', signInError: reason, provider });
  });

  test('does not let in whom nobody knows', async () => {
    stage.github.user = githubUser(4);
    const browser = new Browser();
    const { url } = await signInWith(stage, browser, 'github');
    expect(url.searchParams.get('signInError')).toBe('no-account');
    await expect(sessionOf(stage, browser)).rejects.toThrow('no refresh token');
    const found = await admin.call('GET', '/users?prefix=coder-4');
    expect(JSON.stringify(found.json)).not.toContain('"coder-4"');
  });

  test('never takes an account for the address, even where both sides have checked it', async () => {
    const user = oidcUser(5);
    people.push(await signUp(stage.service, 'same-address', { email: user.email }));
    for (const email_verified of [true, false]) {
      stage.corp.user = { ...user, sub: `other-${email_verified}`, email_verified };
      const browser = new Browser();
      const { url } = await signInWith(stage, browser, 'corp');
      expect(url.searchParams.get('signInError')).not.toBeNull();
      await expect(sessionOf(stage, browser)).rejects.toThrow('no refresh token');
    }
  });

  test('is refused to a disabled user', async () => {
    const one = await coder(6);
    await admin.call('PATCH', `/users/${one.userId}`, { json: { state: 'disabled' } });
    const { url } = await signInWith(stage, new Browser(), 'github');
    expect(url.searchParams.get('signInError')).toBe('refused');
  });

  test('says that a provider is away, before the browser is sent there and after', async () => {
    stage.github.user = githubUser(7);
    const callback = await upToCallback(new Browser(), beginUrl(stage, 'github'));
    expect(callback.search).toContain('code=');
    const browser = new Browser();
    const own = await upToCallback(browser, beginUrl(stage, 'github', { returnTo: '/x' }));
    stage.github.intercept = (_path, _request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<p>secret page</p>');
      return true;
    };
    const answer = await browser.fetch(own);
    stage.github.intercept = () => false;
    expect(answer.headers.get('location')).toBe('/x?signInError=unavailable&provider=github');
    const lines = stage.service.lines.join('\n');
    expect(lines).toContain('a sign-in with another service failed');
    expect(lines).not.toContain('secret page');
  });

  test('knows no other providers', async () => {
    for (const path of ['/auth/providers/nobody/begin', '/auth/providers/nobody/callback?state=a'])
      expect((await fetch(`${stage.service.url}${V1}${path}`, { redirect: 'manual' })).status).toBe(404);
  });

  test('leaves neither codes nor tokens in the log', async () => {
    const one = await coder(8);
    const browser = new Browser();
    const callback = await upToCallback(browser, beginUrl(stage, 'github'));
    await browser.fetch(callback);
    const { refreshToken, user } = await sessionOf(stage, browser);
    expect(user.id).toBe(one.userId);
    const lines = stage.service.lines.join('\n');
    expect(lines).toContain('/auth/providers/github/callback');
    for (const secret of [callback.searchParams.get('code') ?? '', refreshToken, stage.github.clientSecret])
      expect(lines).not.toContain(secret);
  });
});

describe('a program', () => {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const exchange = async (json: object) => {
    const response = await fetch(`${stage.service.url}${V1}/auth/exchange`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(json),
    });
    return { status: response.status, json: (await response.json()) as { user?: { id: string } } };
  };

  /** What arrives at the loopback address of the program. */
  async function received(query: Record<string, string> = {}): Promise<URLSearchParams> {
    const arrived = Promise.withResolvers<URLSearchParams>();
    const listener = createServer((request, response) => {
      arrived.resolve(new URL(request.url ?? '/', 'http://host').searchParams);
      response.end('you may close this window');
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    try {
      const returnTo = `http://127.0.0.1:${port}/done?app=1`;
      const browser = new Browser();
      const { text } = await browser.visit(beginUrl(stage, 'github', { returnTo, challenge, ...query }));
      expect(text).toBe('you may close this window');
      await expect(sessionOf(stage, browser)).rejects.toThrow('no refresh token');
      return await arrived.promise;
    } finally {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    }
  }

  test('gets a code that it exchanges for a session, once', async () => {
    const one = await coder(20);
    const got = await received();
    expect([...got.keys()].toSorted()).toEqual(['app', 'code']);
    const code = got.get('code') ?? '';
    const first = await exchange({ code, verifier });
    expect(first).toMatchObject({ status: 200, json: { user: { id: one.userId } } });
    expect((await exchange({ code, verifier })).status).toBe(401);
  });

  test('gets nothing for a code of which it does not know the verifier, and nobody does afterwards', async () => {
    await coder(21);
    const code = (await received()).get('code') ?? '';
    expect((await exchange({ code, verifier: 'x'.repeat(43) })).status).toBe(401);
    expect((await exchange({ code, verifier })).status).toBe(401);
    for (const wrong of ['x', 'x'.repeat(43)]) {
      expect((await exchange({ code: wrong, verifier })).status).toBe(401);
    }
  });

  test('gets a code once, however many exchange it at the same moment', async () => {
    await coder(22);
    const code = (await received()).get('code') ?? '';
    const all = await Promise.all(Array.from({ length: 6 }, () => exchange({ code, verifier })));
    expect(all.map(({ status }) => status).toSorted()).toEqual([200, 401, 401, 401, 401, 401]);
  });

  test('gets no code for a user who is disabled meanwhile', async () => {
    const one = await coder(23);
    const code = (await received()).get('code') ?? '';
    await admin.call('PATCH', `/users/${one.userId}`, { json: { state: 'disabled' } });
    expect((await exchange({ code, verifier })).status).toBe(403);
  });

  test('is told why there is no code', async () => {
    stage.github.user = undefined;
    expect(Object.fromEntries(await received())).toEqual({
      ...{ app: '1', signInError: 'denied', provider: 'github' },
    });
  });

  test('must listen on this machine, and must have a challenge', async () => {
    const status = async (query: Record<string, string>) =>
      (await fetch(beginUrl(stage, 'github', query), { redirect: 'manual' })).status;
    expect(await status({ returnTo: 'http://127.0.0.1:5000/' })).toBe(400);
    expect(await status({ returnTo: 'http://evil.example:5000/', challenge })).toBe(400);
    expect(await status({ returnTo: 'http://127.0.0.1:5000/', challenge: 'short' })).toBe(400);
    expect(await status({ challenge })).toBe(400);
    expect(await status({ returnTo: 'http://127.0.0.1:5000/', challenge })).toBe(302);
  });
});

describe('with a second factor', () => {
  const post = async (browser: Browser, path: string, json: object) => {
    const response = await browser.fetch(`${stage.service.url}${V1}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
      body: JSON.stringify(json),
    });
    const text = await response.text();
    return {
      status: response.status,
      json: JSON.parse(text) as { user?: { id: string }; challenge?: string },
    };
  };

  /** A coder with an authenticator app, and the recovery codes. */
  async function careful(number: number) {
    const one = await coder(number);
    const begun = await one.client.call('POST', '/me/second-factor', { json: { password: PASSWORD } });
    const { secret } = begun.json as unknown as { secret: string };
    const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate();
    const confirmed = await one.client.call('POST', '/me/second-factor/confirm', { json: { code } });
    const { recoveryCodes } = confirmed.json as unknown as { recoveryCodes: readonly string[] };
    return { ...one, recoveryCodes };
  }

  test('the provider alone is not enough', async () => {
    const { userId, recoveryCodes } = await careful(30);
    const browser = new Browser();
    const { url } = await signInWith(stage, browser, 'github', { returnTo: '/files' });
    expect(`${url.pathname}${url.search}`).toBe('/files');
    await expect(sessionOf(stage, browser)).rejects.toThrow('no refresh token');
    const challenge = new URLSearchParams(url.hash.slice(1)).get('secondFactor') ?? '';
    const wrong = { challenge, code: '000000', cookie: true };
    expect((await post(browser, '/auth/sign-in/second-factor', wrong)).status).toBe(401);
    const right = { challenge, code: recoveryCodes[0] ?? '', cookie: true };
    expect(await post(browser, '/auth/sign-in/second-factor', right)).toMatchObject({
      status: 200,
      json: { user: { id: userId } },
    });
    expect((await sessionOf(stage, browser)).user.id).toBe(userId);
  });

  test('a program gets the challenge for its code', async () => {
    const { userId, recoveryCodes } = await careful(31);
    const verifier = 'w'.repeat(50);
    const challengeOf = createHash('sha256').update(verifier).digest('base64url');
    const returnTo = 'http://127.0.0.1:9/done';
    const browser = new Browser();
    const { url } = await browser.visit(
      beginUrl(stage, 'github', { returnTo, challenge: challengeOf }),
      (one) => one.href.startsWith(returnTo),
    );
    const code = url.searchParams.get('code') ?? '';
    const { status, json } = await post(new Browser(), '/auth/exchange', { code, verifier });
    expect([status, Object.keys(json).toSorted()]).toEqual([202, ['challenge', 'expiresAt']]);
    const second = { challenge: json.challenge ?? '', code: recoveryCodes[0] ?? '' };
    expect(await post(new Browser(), '/auth/sign-in/second-factor', second)).toMatchObject({
      status: 200,
      json: { user: { id: userId } },
    });
  });
});

test('behind a public address, that is where browsers come back to, and cookies need TLS', async () => {
  const base = 'https://files.example/base';
  const behind = await startStage({ OSPROXY_PUBLIC_URL: base });
  try {
    const answer = await fetch(beginUrl(behind, 'github'), { redirect: 'manual' });
    const to = new URL(answer.headers.get('location') ?? '');
    expect(to.searchParams.get('redirect_uri')).toBe(`${base}${V1}/auth/providers/github/callback`);
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^__Host-osproxy_sign_in=[\w-]{43}; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      ),
    ]);
  } finally {
    await behind.close();
  }
}, 60_000);
