import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Browser } from '#test/services/identity/browser.ts';
import { githubUser, oidcUser } from '#test/services/identity/people.ts';
import { signUp, type TestPerson } from '../people.ts';
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
let attacker: TestPerson;
let victim: TestPerson;
beforeAll(async () => {
  stage = await startStage();
  attacker = await signUp(stage.service, 'attacker');
  victim = await signUp(stage.service, 'victim');
  await signedInAs(66, () => link(stage, attacker, 'github'));
  await signedInAs(1, () => link(stage, victim, 'github'));
  stage.corp.user = oidcUser(1);
  await link(stage, victim, 'corp');
}, 60_000);
afterAll(async () => {
  attacker?.client.close();
  victim?.client.close();
  await stage?.close();
});

/** As the coder of this number, who is signed in at GitHub while it lasts. */
async function signedInAs<T>(number: number, work: () => Promise<T>): Promise<T> {
  stage.github.user = githubUser(number);
  return work();
}

const noSession = (browser: Browser) => expect(sessionOf(stage, browser)).rejects.toThrow('no refresh token');

describe('attacks on signing in', () => {
  test('login CSRF: the callback of an attacker does not sign in a victim', async () => {
    const attackersCallback = await signedInAs(66, () =>
      upToCallback(new Browser(), beginUrl(stage, 'github')),
    );
    const browser = new Browser();
    expect((await browser.fetch(attackersCallback)).status).toBe(410);
    await noSession(browser);
    // Nor where the victim has just begun to sign in.
    await browser.fetch(beginUrl(stage, 'github'));
    expect((await browser.fetch(attackersCallback)).status).toBe(410);
    await noSession(browser);
  });

  test('the code of an attacker does not go with the state of a victim', async () => {
    const theirs = await signedInAs(66, () => upToCallback(new Browser(), beginUrl(stage, 'corp')));
    const browser = new Browser();
    const own = await upToCallback(browser, beginUrl(stage, 'corp', { returnTo: '/x' }));
    own.searchParams.set('code', theirs.searchParams.get('code') ?? '');
    const { url } = await browser.visit(own, ({ pathname }) => pathname === '/x');
    expect(url.searchParams.get('signInError')).toBe('expired');
    await noSession(browser);
  });

  test('session fixation: a refresh token from before is neither kept nor signed in', async () => {
    const before = await signedInAs(66, async () => {
      const browser = new Browser();
      await signInWith(stage, browser, 'github');
      return sessionOf(stage, browser);
    });
    expect(before.user.id).toBe(attacker.userId);
    const browser = new Browser();
    browser.plant(new URL(`${stage.service.url}${V1}/auth/`), 'osproxy_refresh', before.refreshToken);
    await signedInAs(1, () => signInWith(stage, browser, 'github'));
    const after = await sessionOf(stage, browser);
    expect(after.user.id).toBe(victim.userId);
    expect(after.refreshToken).not.toBe(before.refreshToken);
    expect(after.sessionId).not.toBe(before.sessionId);
  });

  test('a binding that an attacker planted is not taken over', async () => {
    const planted = 'A'.repeat(43);
    const browser = new Browser();
    browser.plant(new URL(stage.service.url), 'osproxy_sign_in', planted);
    const begun = await browser.fetch(beginUrl(stage, 'github'));
    const [cookie = ''] = begun.headers.getSetCookie();
    expect(/^osproxy_sign_in=A{43}\.([\w-]{43});/.exec(cookie)?.[1]).not.toBe(planted);
    const theirs = new Browser();
    theirs.plant(new URL(stage.service.url), 'osproxy_sign_in', planted);
    const callback = await upToCallback(browser, begun.headers.get('location') ?? '');
    expect((await theirs.fetch(callback)).status).toBe(410);
  });

  test('the same callback twice: the second is refused, and the session of the first goes on', async () => {
    const browser = new Browser();
    const callback = await signedInAs(1, () => upToCallback(browser, beginUrl(stage, 'github')));
    const kept = browser.cookiesFor(callback);
    expect((await browser.fetch(callback)).status).toBe(303);
    const again = await fetch(callback, { headers: { cookie: kept }, redirect: 'manual' });
    expect(again.status).toBe(410);
    expect(again.headers.getSetCookie()).toEqual([]);
    expect(await sessionOf(stage, browser)).toMatchObject({ status: 200, user: { id: victim.userId } });
  });

  test('the same callback many times at once: one session', async () => {
    const browser = new Browser();
    const callback = await signedInAs(1, () => upToCallback(browser, beginUrl(stage, 'github')));
    const headers = { cookie: browser.cookiesFor(callback) };
    const all = await Promise.all(
      Array.from({ length: 6 }, () => fetch(callback, { headers, redirect: 'manual' })),
    );
    expect(all.map(({ status }) => status).toSorted()).toEqual([303, 410, 410, 410, 410, 410]);
  });

  test('mix-up: an answer of one provider is not taken at the address of another', async () => {
    for (const [from, to] of [
      ['github', 'corp'],
      ['corp', 'github'],
      ['github', 'qq'],
    ] as const) {
      const browser = new Browser();
      const callback = await signedInAs(1, () => upToCallback(browser, beginUrl(stage, from)));
      callback.pathname = callback.pathname.replace(`/${from}/`, `/${to}/`);
      expect((await browser.fetch(callback)).status).toBe(410);
      await noSession(browser);
    }
  });

  test('mix-up: an answer that names another issuer, or none, is not taken', async () => {
    for (const iss of ['https://evil.example', undefined]) {
      const browser = new Browser();
      const callback = await upToCallback(browser, beginUrl(stage, 'corp', { returnTo: '/x' }));
      if (iss === undefined) callback.searchParams.delete('iss');
      else callback.searchParams.set('iss', iss);
      const { url } = await browser.visit(callback, ({ pathname }) => pathname === '/x');
      expect(url.searchParams.get('signInError')).toBe('untrusted');
      await noSession(browser);
    }
  });

  test.each([
    ...[
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '/\t/evil.example',
      'javascript:alert(1)',
    ],
    ...[
      '/a/..//evil.example',
      '///evil.example',
      'http://127.0.0.1:1/',
      '\\/evil.example',
      '%2F%2Fevil.example',
    ],
  ])('open redirect: %j', async (returnTo) => {
    const answer = await fetch(beginUrl(stage, 'github', { returnTo }), { redirect: 'manual' });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('location')).toBeNull();
    expect(answer.headers.getSetCookie()).toEqual([]);
  });

  test('guessed, missing and doubled states', async () => {
    const browser = new Browser();
    const callback = await signedInAs(1, () => upToCallback(browser, beginUrl(stage, 'github')));
    const status = async (search: string) => (await browser.fetch(new URL(search, callback))).status;
    expect(await status('?code=a')).toBe(410);
    expect(await status('?code=a&state=')).toBe(410);
    expect(await status(`?code=a&state=${'B'.repeat(43)}`)).toBe(410);
    expect(await status(`?code=a&state=${"'".repeat(43)}`)).toBe(410);
    expect(await status(`${callback.search}&state=other`)).toBe(400);
    expect(await status(`${callback.search}&code=other`)).toBe(400);
    // What was refused so far has used nothing up.
    expect((await browser.fetch(callback)).status).toBe(303);
  });

  test('a HEAD request begins nothing and ends nothing', async () => {
    const browser = new Browser();
    const callback = await signedInAs(1, () => upToCallback(browser, beginUrl(stage, 'github')));
    expect((await browser.fetch(callback, { method: 'HEAD' })).status).toBe(405);
    expect((await browser.fetch(beginUrl(stage, 'github'), { method: 'HEAD' })).status).toBe(405);
    expect((await browser.fetch(callback)).status).toBe(303);
  });

  test('a host that the client made up is not where the provider sends anybody', async () => {
    const { hostname, port } = new URL(stage.service.url);
    const { request } = await import('node:http');
    const answer = await new Promise<{ status: number | undefined; location: string | undefined }>(
      (resolve, reject) => {
        const headers = { host: 'evil.example' };
        request({ hostname, port, headers, path: `${V1}/auth/providers/github/begin` }, (response) => {
          response.resume();
          resolve({ status: response.statusCode, location: response.headers.location });
        })
          .on('error', reject)
          .end();
      },
    );
    expect(answer).toEqual({ status: 503, location: undefined });
  });

  test('too many beginnings from one address have to wait', async () => {
    let refused: Response | undefined;
    for (let count = 0; count < 80 && refused === undefined; count += 1) {
      const answer = await fetch(beginUrl(stage, 'github'), { redirect: 'manual' });
      if (answer.status === 429) refused = answer;
    }
    expect(refused?.headers.get('retry-after')).toMatch(/^\d+$/);
  });
});
