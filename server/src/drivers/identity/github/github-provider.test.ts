import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#core/ports/clock.ts';
import type { IdentityProvider } from '#core/ports/identity-provider.ts';
import { type GithubServer, startGithub } from '#test/services/identity/github-server.ts';
import {
  answerAt,
  answerOf,
  failureOf,
  newRequest,
  REDIRECT_URI,
  signInWith,
} from '#test/services/identity/sign-in.ts';
import { makeIdentityProvider } from '../index.ts';

const MONA = {
  id: 583_231,
  login: 'octocat',
  name: 'Mona Lisa',
  emails: [
    { email: 'old@example.com', primary: false, verified: true },
    { email: 'mona@example.com', primary: true, verified: true },
    { email: 'new@example.com', primary: false, verified: false },
  ],
};

let server: GithubServer;
beforeAll(async () => {
  server = await startGithub();
});
afterAll(() => server.close());
beforeEach(() => {
  server.user = MONA;
  server.intercept = () => false;
  server.asked.length = 0;
});

function provider(settings: Record<string, unknown> = {}): IdentityProvider {
  const { url, clientId, clientSecret } = server;
  const given = { baseUrl: url, clientId, clientSecret, allowPrivate: true, timeoutSeconds: 5, ...settings };
  return makeIdentityProvider({ name: 'github', type: 'github', ...given }, systemClock);
}

const answering = (path: string, status: number, type: string, body: string) =>
  answerAt(server, path, { status, type, body });

describe('sign-in with GitHub', () => {
  test('says who it was by the number of the account, and the first of the addresses that were checked', async () => {
    expect(await signInWith(provider())).toEqual({
      issuer: server.url,
      subject: '583231',
      email: 'mona@example.com',
      emailVerified: true,
      name: 'Mona Lisa',
      login: 'octocat',
    });
    const [, token, user] = server.asked;
    expect(token?.query.size).toBe(0);
    expect(token?.body.get('code_verifier')).toMatch(/^[\w-]{43}$/);
    expect(user?.headers['x-github-api-version']).toBe('2022-11-28');
    expect(user?.headers['user-agent']).toBe('osproxy');
  });

  test.each([
    [
      'none that was checked',
      [{ email: 'a@b.c', primary: true, verified: false }],
      { email: undefined, emailVerified: false },
    ],
    [
      'the first not checked',
      [
        { email: 'a@b.c', primary: true, verified: false },
        { email: 'd@e.f', primary: false, verified: true },
      ],
      { email: 'd@e.f', emailVerified: true },
    ],
    ['none at all', [], { email: undefined, emailVerified: false }],
  ])('addresses: %s', async (_what, emails, expected) => {
    server.user = { ...MONA, emails };
    expect(await signInWith(provider())).toMatchObject(expected);
  });

  test('knows people without their addresses where it was not allowed to ask for them, and without a name', async () => {
    server.user = { ...MONA, name: null };
    expect(await signInWith(provider({ scopes: ['read:user'] }))).toMatchObject({
      ...{ subject: '583231', email: undefined, emailVerified: false, name: 'octocat' },
    });
  });

  test('sends state and a challenge', async () => {
    const request = newRequest();
    const url = await provider().begin(request);
    expect(url.href.startsWith(`${server.url}/login/oauth/authorize?`)).toBe(true);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: server.clientId,
      redirect_uri: REDIRECT_URI,
      scope: 'read:user user:email',
      state: request.state,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
  });

  test('is at github.com and api.github.com where nothing else is said', async () => {
    const one = makeIdentityProvider(
      { name: 'github', type: 'github', clientId: 'a', clientSecret: 'b' },
      systemClock,
    );
    expect((await one.begin(newRequest())).origin).toBe('https://github.com');
    expect(one.title).toBe('GitHub');
  });

  test('can be examined', async () => {
    expect(await provider().check()).toBe(`found at ${new URL(server.url).host}`);
    answering('/api/v3/meta', 502, 'text/html', '<p>unicorn</p>');
    await expect(provider().check()).rejects.toThrow('cannot be asked');
  });
});

describe('what GitHub refuses', () => {
  test('the person said no', async () => {
    server.user = undefined;
    expect(await failureOf(signInWith(provider()))).toMatchObject({
      ...{ code: 'PermissionDenied', reason: 'denied', provider: 'github' },
    });
  });

  test('a code that was used before, or was given for another verifier', async () => {
    const request = newRequest();
    const one = provider();
    const answer = await answerOf(one, request);
    await one.finish(request, answer);
    expect(await failureOf(one.finish(request, answer))).toMatchObject({
      code: 'Expired',
      reason: 'expired',
    });
    const again = await answerOf(one, request);
    expect(await failureOf(one.finish({ ...request, verifier: 'x'.repeat(43) }, again))).toMatchObject({
      reason: 'expired',
    });
  });

  test('a wrong secret, and another redirect URI', async () => {
    const failure = await failureOf(signInWith(provider({ clientSecret: 'a wrong one' })));
    expect(failure).toMatchObject({ code: 'Unavailable', reason: 'misconfigured' });
    expect(failure.log).toContain('incorrect_client_credentials');
    const request = newRequest();
    const answer = await answerOf(provider(), request);
    const other = { ...request, redirectUri: `${REDIRECT_URI}/other` };
    expect((await failureOf(provider().finish(other, answer))).log).toContain('redirect_uri_mismatch');
  });

  test.each([
    ['redirect_uri_mismatch', 'misconfigured'],
    ['application_suspended', 'misconfigured'],
    ['access_denied', 'denied'],
  ])('%s at the sign-in page', async (error, reason) => {
    const request = newRequest();
    const answer = new URLSearchParams({ error, error_description: 'why', state: request.state });
    expect(await failureOf(provider().finish(request, answer))).toMatchObject({ reason });
  });

  test('another state, none, or two codes', async () => {
    const request = newRequest();
    for (const query of [
      'code=a&state=b',
      'code=a',
      `code=a&code=b&state=${request.state}`,
      `state=${request.state}`,
    ]) {
      expect(await failureOf(provider().finish(request, new URLSearchParams(query)))).toMatchObject({
        reason: 'untrusted',
      });
    }
    expect(server.asked).toEqual([]);
  });
});

describe('odd answers', () => {
  test('a token as a form is understood, whatever its type', async () => {
    const request = newRequest();
    const answer = await answerOf(provider(), request);
    answering('/login/oauth/access_token', 200, 'text/plain', 'error=bad_verification_code&error_uri=x');
    expect(await failureOf(provider().finish(request, answer))).toMatchObject({ reason: 'expired' });
  });

  test.each([
    ['/login/oauth/access_token', 200, 'text/html', '<p>a page</p>'],
    ['/login/oauth/access_token', 200, 'application/json', '{"access_token":'],
    ['/login/oauth/access_token', 200, 'application/json', '{}'],
    ['/login/oauth/access_token', 500, 'application/json', '{"access_token":"gho_secret"}'],
    [
      '/login/oauth/access_token',
      200,
      'application/json',
      '{"access_token":"gho_secret","token_type":"mac"}',
    ],
    ['/login/oauth/access_token', 200, 'application/json', `"${'x'.repeat(600_000)}"`],
    ['/api/v3/user', 200, 'application/json', '{"id":"583231"}'],
    ['/api/v3/user', 200, 'application/json', 'null'],
    ['/api/v3/user', 403, 'application/json', '{"message":"API rate limit exceeded"}'],
    ['/api/v3/user/emails', 200, 'application/json', '{"email":"a@b.c"}'],
    ['/api/v3/user/emails', 500, 'application/json', '{"message":"oops"}'],
  ])('%s answers %i %s %s', async (path, status, type, body) => {
    const request = newRequest();
    const answer = await answerOf(provider(), request);
    answering(path, status, type, body);
    const failure = await failureOf(provider().finish(request, answer));
    expect(failure).toMatchObject({ code: 'Unavailable', reason: 'unavailable' });
    expect(failure.log).not.toContain('gho_secret');
  });

  test('one that never answers', async () => {
    const request = newRequest();
    const answer = await answerOf(provider(), request);
    server.intercept = () => true;
    const failure = await failureOf(provider({ timeoutSeconds: 1 }).finish(request, answer));
    expect(failure.log).toContain('within 1 s');
  });
});
