import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#core/ports/clock.ts';
import type { IdentityProvider } from '#core/ports/identity-provider.ts';
import { type QqServer, startQq } from '#test/services/identity/qq-server.ts';
import {
  answerAt,
  answerOf,
  failureOf,
  newRequest,
  REDIRECT_URI,
  signInWith,
} from '#test/services/identity/sign-in.ts';
import { makeIdentityProvider } from '../index.ts';

const OPENID = '0123456789ABCDEF0123456789ABCDEF';
const UNIONID = 'UID_0123456789ABCDEF0123456789ABCDEF';
const LI = { openid: OPENID, unionid: UNIONID, nickname: '小李 "飞刀" )' };

let server: QqServer;
beforeAll(async () => {
  server = await startQq();
});
afterAll(() => server.close());
beforeEach(() => {
  server.user = LI;
  server.manner = 'documented';
  server.intercept = () => false;
  server.asked.length = 0;
});

function provider(settings: Record<string, unknown> = {}): IdentityProvider {
  const { url, clientId, clientSecret } = server;
  const given = { baseUrl: url, clientId, clientSecret, allowPrivate: true, timeoutSeconds: 5, ...settings };
  return makeIdentityProvider({ name: 'qq', type: 'qq', ...given }, systemClock);
}

const answering = (path: string, status: number, type: string, body: string) =>
  answerAt(server, path, { status, type, body });

describe('sign-in with QQ', () => {
  test.each(['documented', 'old'] as const)('says who it was, answered in the %s manner', async (manner) => {
    server.manner = manner;
    expect(await signInWith(provider())).toEqual({
      issuer: `${server.url}/${server.clientId}`,
      subject: OPENID,
      email: undefined,
      emailVerified: false,
      name: '小李 "飞刀" )',
      login: undefined,
    });
    expect(server.asked.map(({ path }) => path)).toEqual([
      ...['/oauth2.0/authorize', '/oauth2.0/token', '/oauth2.0/me', '/user/get_user_info'],
    ]);
    expect(server.asked[2]?.query.has('unionid')).toBe(false);
  });

  test.each(['documented', 'old'] as const)(
    'knows people by the unionid where it is told to: %s',
    async (manner) => {
      server.manner = manner;
      expect(await signInWith(provider({ unionId: true }))).toMatchObject({
        issuer: `${server.url}/unionid`,
        subject: UNIONID,
      });
    },
  );

  test('does not take the openid for a unionid that is missing', async () => {
    server.user = { openid: OPENID, nickname: 'x' };
    const failure = await failureOf(signInWith(provider({ unionId: true })));
    expect(failure).toMatchObject({ code: 'Unavailable', reason: 'misconfigured' });
    expect(failure.log).toContain('unionid');
  });

  test('sends a state and no challenge, which QQ does not know', async () => {
    const request = newRequest();
    const url = await provider().begin(request);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: server.clientId,
      redirect_uri: REDIRECT_URI,
      state: request.state,
      scope: 'get_user_info',
    });
  });

  test('can be examined', async () => {
    answering('/oauth2.0/me', 502, 'text/html', '<p>no</p>');
    await expect(provider().check()).rejects.toThrow('cannot be asked');
    server.intercept = () => false;
    expect(await provider().check()).toBe(`found at ${new URL(server.url).host}`);
  });
});

describe('what QQ refuses', () => {
  test('the person cancelled', async () => {
    server.user = undefined;
    expect(await failureOf(signInWith(provider()))).toMatchObject({
      ...{ code: 'PermissionDenied', reason: 'denied', provider: 'qq' },
    });
  });

  test.each(['documented', 'old'] as const)('a code that was used before: %s', async (manner) => {
    server.manner = manner;
    const request = newRequest();
    const answer = await answerOf(provider(), request);
    await provider().finish(request, answer);
    expect(await failureOf(provider().finish(request, answer))).toMatchObject({
      code: 'Expired',
      reason: 'expired',
    });
  });

  test.each(['documented', 'old'] as const)('a wrong key: %s', async (manner) => {
    server.manner = manner;
    const failure = await failureOf(signInWith(provider({ clientSecret: 'a wrong key' })));
    expect(failure).toMatchObject({ code: 'Unavailable', reason: 'misconfigured' });
    expect(failure.log).toContain('client_secret is wrong');
    expect(failure.log).not.toContain('a wrong key');
  });

  test('a token of another application', async () => {
    const request = newRequest();
    const answer = await answerOf(provider(), request);
    const other = JSON.stringify({ client_id: '999', openid: OPENID });
    answering('/oauth2.0/me', 200, 'text/html', `callback( ${other} );`);
    expect(await failureOf(provider().finish(request, answer))).toMatchObject({ reason: 'untrusted' });
  });

  test('another state, and none', async () => {
    const request = newRequest();
    for (const query of ['code=a&state=b', 'code=a', 'usercancel=1']) {
      expect(await failureOf(provider().finish(request, new URLSearchParams(query)))).toMatchObject({
        reason: 'untrusted',
      });
    }
    expect(server.asked).toEqual([]);
  });

  test('the profile, which is then done without', async () => {
    const request = newRequest();
    const answer = await answerOf(provider(), request);
    answering('/user/get_user_info', 200, 'text/html', '{"ret":100030,"msg":"not authorised"}');
    expect(await provider().finish(request, answer)).toMatchObject({ subject: OPENID, name: undefined });
  });
});

describe('odd answers', () => {
  test.each([
    ['/oauth2.0/token', 200, 'text/html', '<html>busy</html>'],
    ['/oauth2.0/token', 200, 'text/html', ''],
    ['/oauth2.0/token', 200, 'text/html', 'callback( {"error":100013 ); '],
    ['/oauth2.0/token', 200, 'text/html', 'expires_in=5'],
    ['/oauth2.0/token', 500, 'text/html', 'access_token=SECRET&expires_in=5'],
    ['/oauth2.0/token', 200, 'text/html', `access_token=${'S'.repeat(600_000)}`],
    ['/oauth2.0/me', 200, 'text/html', 'callback( {"error":100016,"error_description":"check failed"} );'],
    ['/oauth2.0/me', 200, 'text/html', 'callback( {"client_id":"101234567"} );'],
    ['/oauth2.0/me', 200, 'text/html', 'callback( {"client_id":"101234567","openid":"a b"} );'],
    ['/oauth2.0/me', 200, 'text/html', 'callback( "101234567" );'],
    ['/user/get_user_info', 200, 'text/html', '{"ret":1002,"msg":"请先登录"}'],
    ['/user/get_user_info', 200, 'text/html', '{"msg":""}'],
    ['/user/get_user_info', 200, 'text/html', '{"ret":0,"nickname":'],
  ])('%s answers %i %s %s', async (path, status, type, body) => {
    const request = newRequest();
    const answer = await answerOf(provider(), request);
    answering(path, status, type, body);
    const failure = await failureOf(provider().finish(request, answer));
    expect(failure).toMatchObject({ code: 'Unavailable', reason: 'unavailable' });
    expect(failure.log).not.toContain('SECRET');
    expect(failure.log).not.toContain(server.clientSecret);
  });

  test('JSONP under another name and over several lines', async () => {
    const request = newRequest();
    const answer = await answerOf(provider(), request);
    const body = `\n window.got(\n{"client_id":"101234567",\n"openid":"${OPENID}"}\n)\n`;
    answering('/oauth2.0/me', 200, 'application/x-javascript', body);
    expect(await provider().finish(request, answer)).toMatchObject({ subject: OPENID });
  });

  test('one that never answers, and nobody there', async () => {
    const request = newRequest();
    const answer = await answerOf(provider(), request);
    server.intercept = () => true;
    const failure = await failureOf(provider({ timeoutSeconds: 1 }).finish(request, answer));
    expect(failure).toMatchObject({ reason: 'unavailable' });
    expect(failure.log).toContain('within 1 s');
    const away = await failureOf(provider({ baseUrl: 'http://127.0.0.1:1' }).finish(request, answer));
    expect(away).toMatchObject({ code: 'Unavailable', reason: 'unavailable' });
    expect(away.log).not.toContain(server.clientSecret);
  });
});
