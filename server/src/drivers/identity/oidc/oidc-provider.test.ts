import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#core/ports/clock.ts';
import type { IdentityProvider } from '#core/ports/identity-provider.ts';
import { type OidcServer, startOidc } from '#test/services/identity/oidc-server.ts';
import { serve } from '#test/services/identity/served.ts';
import {
  answerOf,
  failureOf,
  newRequest,
  REDIRECT_URI,
  signInWith,
} from '#test/services/identity/sign-in.ts';
import { makeIdentityProvider } from '../index.ts';

const ADA = {
  sub: 'ada-1815',
  name: 'Ada Lovelace',
  preferred_username: 'ada',
  email: 'ada@example.com',
  email_verified: true,
};

let server: OidcServer;
let made: IdentityProvider[];
beforeAll(async () => {
  server = await startOidc([REDIRECT_URI]);
  made = [];
});
afterAll(async () => {
  for (const one of made) one.close();
  await server.close();
});
beforeEach(() => {
  server.user = ADA;
  server.intercept = () => false;
  server.asked.length = 0;
});

function provider(settings: Record<string, unknown> = {}, clock = systemClock): IdentityProvider {
  const { issuer, clientId, clientSecret } = server;
  const given = { issuer, clientId, clientSecret, allowPrivate: true, timeoutSeconds: 5, ...settings };
  const one = makeIdentityProvider({ name: 'corp', type: 'oidc', title: 'Corp', ...given }, clock);
  made.push(one);
  return one;
}

describe('sign-in with an OpenID provider', () => {
  test('says who it was, with what userinfo adds', async () => {
    expect(await signInWith(provider())).toEqual({
      issuer: server.issuer,
      subject: 'ada-1815',
      email: 'ada@example.com',
      emailVerified: true,
      name: 'Ada Lovelace',
      login: 'ada',
    });
    expect(server.asked).toContain('/jwks');
    expect(server.asked).toContain('/me');
  });

  test('works for a public client and asks for no more than it is told', async () => {
    const one = provider({ clientId: server.publicClientId, clientSecret: undefined, scopes: ['openid'] });
    expect(await signInWith(one)).toMatchObject({ subject: 'ada-1815', email: undefined, name: undefined });
  });

  test('sends state, nonce and a challenge, and neither the verifier nor the secret', async () => {
    const request = newRequest();
    const url = await provider().begin(request);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: server.clientId,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile email',
      state: request.state,
      nonce: request.nonce,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    expect(url.href).not.toContain(request.verifier);
    expect(url.href).not.toContain(server.clientSecret);
  });

  test.each([
    [true, true],
    ['true', true],
    [false, false],
    ['false', false],
    [1, false],
    [undefined, false],
  ])('takes email_verified %o for %o', async (email_verified, emailVerified) => {
    server.user = { ...ADA, sub: `v-${String(email_verified)}-${typeof email_verified}`, email_verified };
    expect(await signInWith(provider())).toMatchObject({ email: 'ada@example.com', emailVerified });
  });

  test('is discovered once for many, and again after a failure', async () => {
    const one = provider();
    server.intercept = (_path, _request, response) => {
      response.writeHead(503).end('no');
      return true;
    };
    expect(await failureOf(one.begin(newRequest()))).toMatchObject({
      code: 'Unavailable',
      reason: 'unavailable',
    });
    server.intercept = () => false;
    await Promise.all([one.begin(newRequest()), one.begin(newRequest()), one.begin(newRequest())]);
    const discovery = server.asked.filter((path) => path === '/.well-known/openid-configuration');
    expect(discovery).toHaveLength(2);
    expect(await one.check()).toBe(`found at ${server.issuer}`);
  });

  test('says when the person said no', async () => {
    server.user = undefined;
    expect(await failureOf(signInWith(provider()))).toEqual({
      code: 'PermissionDenied',
      reason: 'denied',
      provider: 'corp',
      message: 'Corp was not allowed to say who you are.',
      log: '',
    });
  });

  test('takes a code once', async () => {
    const one = provider();
    const request = newRequest();
    const answer = await answerOf(one, request);
    await one.finish(request, answer);
    expect(await failureOf(one.finish(request, answer))).toMatchObject({
      code: 'Expired',
      reason: 'expired',
    });
  });

  test('says that its secret is wrong, in the log alone', async () => {
    const failure = await failureOf(signInWith(provider({ clientSecret: 'a secret that is wrong' })));
    expect(failure).toMatchObject({ code: 'Unavailable', reason: 'misconfigured' });
    expect(failure.message).not.toContain('secret');
    expect(failure.log).toContain('corp');
    expect(failure.log).not.toContain('a secret that is wrong');
  });
});

describe('answers that are not to be trusted', () => {
  test.each([
    ['the state of another', (answer: URLSearchParams) => answer.set('state', 'x'.repeat(43))],
    ['no state', (answer: URLSearchParams) => answer.delete('state')],
    ['two states', (answer: URLSearchParams) => answer.append('state', 'y')],
    ['the issuer of another (mix-up)', (a: URLSearchParams) => a.set('iss', 'https://evil.example')],
    ['no issuer', (answer: URLSearchParams) => answer.delete('iss')],
    ['a token beside the code', (answer: URLSearchParams) => answer.set('id_token', 'a.b.c')],
  ])('%s', async (_what, change) => {
    const one = provider();
    const request = newRequest();
    const answer = await answerOf(one, request);
    server.asked.length = 0;
    change(answer);
    expect(await failureOf(one.finish(request, answer))).toMatchObject({
      code: 'Unauthenticated',
      reason: 'untrusted',
    });
    expect(server.asked).not.toContain('/token');
  });

  test('an ID token for another nonce', async () => {
    const one = provider();
    const request = newRequest();
    const answer = await answerOf(one, request);
    expect(await failureOf(one.finish({ ...request, nonce: newRequest().nonce }, answer))).toMatchObject({
      reason: 'untrusted',
    });
  });

  test('a code that was given for another verifier', async () => {
    const one = provider();
    const request = newRequest();
    const answer = await answerOf(one, request);
    const failure = await failureOf(one.finish({ ...request, verifier: newRequest().verifier }, answer));
    expect(failure).toMatchObject({ code: 'Expired', reason: 'expired' });
  });

  test.each([
    ['of this moment', {}, undefined],
    ['over, but by less than clocks differ', { iat: -90, exp: -30 }, undefined],
    ['over', { iat: -7200, exp: -3600 }, 'untrusted'],
    ['for another client', { aud: 'another' }, 'untrusted'],
    ['of another issuer', { iss: 'https://evil.example' }, 'untrusted'],
    ['without a nonce', { nonce: undefined }, 'untrusted'],
    ['of nobody', { sub: '' }, 'untrusted'],
    ['of a subject that is too long', { sub: 'x'.repeat(256) }, 'untrusted'],
  ])('an ID token that is %s', async (_what, more: Record<string, unknown>, reason) => {
    const one = provider();
    const request = newRequest();
    const answer = await answerOf(one, request);
    const now = Math.floor(Date.now() / 1000);
    const times = Object.fromEntries(
      Object.entries({ iat: 0, exp: 60, ...more }).map(([k, v]) => [k, typeof v === 'number' ? now + v : v]),
    );
    const whole = { email: 'a@b.c', name: 'A', nonce: request.nonce, sub: 'ada' };
    server.intercept = tokenAnswer(
      server.sign({ iss: server.issuer, aud: server.clientId, ...whole, ...times }),
    );
    const done = one.finish(request, answer);
    if (reason === undefined) expect(await done).toMatchObject({ subject: 'ada' });
    else expect(await failureOf(done)).toMatchObject({ code: 'Unauthenticated', reason });
  });

  test('an ID token whose signature is of nobody, and one without any', async () => {
    for (const header of [{ alg: 'ES256', kid: 'first' }, { alg: 'none' }, { alg: 'HS256' }]) {
      const one = provider();
      const request = newRequest();
      const answer = await answerOf(one, request);
      server.intercept = tokenAnswer(unsigned({ header, nonce: request.nonce }));
      const failure = await failureOf(one.finish(request, answer));
      expect(failure).toMatchObject({ code: 'Unauthenticated', reason: 'untrusted' });
      expect(failure.log).not.toContain('an-access-token');
    }
  });
});

describe('a provider that does not answer as it should', () => {
  const answering = (status: number, type: string, body: string) => (path: string) => {
    server.intercept = (asked, _request, response) => {
      if (asked !== path) return false;
      response.writeHead(status, { 'content-type': type }).end(body);
      return true;
    };
  };

  test.each([
    ['an error of its own', answering(500, 'text/html', '<p>oops</p>')],
    ['a page', answering(200, 'text/html', '<p>hello</p>')],
    ['half of an answer', answering(200, 'application/json', '{"access_token":"an-access-tok')],
    ['a list', answering(200, 'application/json', '[]')],
    ['more than anybody needs', answering(200, 'application/json', `"${'x'.repeat(600_000)}"`)],
  ])('%s at the token', async (_what, answer) => {
    const one = provider();
    const request = newRequest();
    const came = await answerOf(one, request);
    answer('/token');
    const failure = await failureOf(one.finish(request, came));
    expect(['Unavailable', 'Unauthenticated']).toContain(failure.code);
    expect(failure.log).not.toContain('an-access-tok');
    expect(failure.message).not.toContain('oops');
  });

  test('one that never answers, and one whose answer never ends', async () => {
    for (const begin of [false, true]) {
      server.intercept = (_path, _request, response) => {
        if (begin) response.writeHead(200, { 'content-type': 'application/json' }).write('{');
        return true;
      };
      const failure = await failureOf(provider({ timeoutSeconds: 1 }).begin(newRequest()));
      expect(failure).toMatchObject({ code: 'Unavailable', reason: 'unavailable' });
      expect(failure.log).toContain('within 1 s');
    }
  });

  test('a redirect is not followed', async () => {
    const other = await serve((_request, response) => void response.end('{}'));
    let wasAsked = false;
    server.intercept = (_path, _request, response) => {
      wasAsked = true;
      response.writeHead(302, { location: `${other.url}/x` }).end();
      return true;
    };
    expect(await failureOf(provider().begin(newRequest()))).toMatchObject({ reason: 'unavailable' });
    expect(wasAsked).toBe(true);
    await other.close();
  });

  test('one that says it is another', async () => {
    answering(
      200,
      'application/json',
      JSON.stringify({ issuer: 'https://evil.example', authorization_endpoint: 'https://evil.example/a' }),
    )('/.well-known/openid-configuration');
    expect(await failureOf(provider().begin(newRequest()))).toMatchObject({ reason: 'misconfigured' });
  });

  test('nobody there', async () => {
    const port = await new Promise<number>((resolve) => {
      const taken = createServer().listen(0, '127.0.0.1', () => {
        const { port } = taken.address() as { port: number };
        taken.close(() => resolve(port));
      });
    });
    const failure = await failureOf(provider({ issuer: `http://127.0.0.1:${port}` }).begin(newRequest()));
    expect(failure).toMatchObject({ code: 'Unavailable', reason: 'unavailable' });
    expect(failure.log).toContain('ECONNREFUSED');
  });
});

type Shape = { readonly header: object; readonly nonce: string };

/** An ID token that is signed by nobody. */
function unsigned({ header, nonce }: Shape): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: server.issuer, aud: server.clientId, sub: 'mallory', nonce, iat: now, exp: now + 60 };
  const signature = 'alg' in header && header.alg === 'none' ? '' : Buffer.alloc(64, 1).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature}`;
}

function tokenAnswer(idToken: string): OidcServer['intercept'] {
  return (path, _request, response) => {
    if (path !== '/token') return false;
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ access_token: 'an-access-token', token_type: 'Bearer', id_token: idToken }));
    return true;
  };
}
