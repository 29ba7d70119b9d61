import { describe, expect, test } from 'vitest';
import { systemClock } from '#core/ports/clock.ts';
import { makeIdentityProvider } from './index.ts';
import { OutgoingHttp } from './outgoing-http.ts';

const problemsOf = (settings: Record<string, unknown>): unknown => {
  try {
    makeIdentityProvider({ name: 'p', type: 'oidc', ...settings }, systemClock);
    return [];
  } catch (error) {
    return (error as { details: { problems: unknown } }).details.problems;
  }
};
const OIDC = { type: 'oidc', issuer: 'https://id.example.com', clientId: 'a', clientSecret: 'hush' };

describe('settings of sign-in providers', () => {
  test.each([
    [{ ...OIDC, type: 'saml' }, 'has the type "saml"; it must be one of github, oidc, qq.'],
    [{ ...OIDC, clientId: undefined }, 'needs the setting "clientId"'],
    [{ ...OIDC, issuer: 'id.example.com' }, 'issuer is not an address'],
    [{ ...OIDC, issuer: 'https://user:word@id.example.com' }, 'issuer is not an address'],
    [{ ...OIDC, issuer: 'https://id.example.com/?a=b' }, 'issuer is not an address'],
    [{ ...OIDC, issuer: 'http://id.example.com' }, 'issuer is at http://'],
    [{ ...OIDC, scopes: ['email'] }, '"openid" must be among it'],
    [{ ...OIDC, scopes: [] }, 'scopes is []'],
    [{ ...OIDC, clientSecret: 7 }, 'clientSecret is (hidden)'],
    [{ ...OIDC, timeoutSeconds: 0 }, 'timeoutSeconds is 0; it must be a number from 1 to 60 seconds'],
    [{ ...OIDC, colour: 'red' }, 'does not have the setting "colour"'],
    [{ type: 'github', clientId: 'a' }, 'needs the setting "clientSecret"'],
    [{ type: 'github', clientId: 'a', clientSecret: 'b', baseUrl: 'ftp://x' }, 'baseUrl is not an address'],
    [{ type: 'qq', clientId: 'a', clientSecret: 'b', baseUrl: 'http://x' }, 'baseUrl is at http://'],
  ])('%o', (settings, problem) => {
    expect(problemsOf(settings)).toEqual([expect.stringContaining(problem)]);
    expect(problemsOf(settings)).toEqual([expect.stringContaining('The sign-in provider "p"')]);
  });

  test('good ones', () => {
    expect(problemsOf(OIDC)).toEqual([]);
    expect(problemsOf({ ...OIDC, issuer: 'http://keycloak:8080/realms/a', allowPrivate: true })).toEqual([]);
  });
});

describe('where providers may be asked', () => {
  const http = (more: Partial<ConstructorParameters<typeof OutgoingHttp>[0]> = {}) =>
    new OutgoingHttp({
      configured: [new URL('https://127.0.0.1:1/')],
      allowPrivate: false,
      timeoutMs: 2000,
      lookup: (_name, _options, callback) => callback(new Error('judged'), []),
      ...more,
    });

  test.each([
    ...['https://127.0.0.1:2/', 'https://[::1]/', 'https://10.0.0.1/', 'https://169.254.169.254/latest'],
    ...['https://2130706433/', 'https://[::ffff:127.0.0.1]/'],
  ])('not at %s, which the operator did not write', async (url) => {
    await expect(http().fetch(url)).rejects.toThrow('is not an address of the public internet');
  });

  test('a name that only an answer gave is judged where it is resolved', async () => {
    await expect(http().fetch('https://internal.example/')).rejects.toThrow('judged');
  });

  test('what the operator wrote may be anywhere', async () => {
    await expect(http().fetch('https://127.0.0.1:1/')).rejects.toThrow('ECONNREFUSED');
    await expect(http({ allowPrivate: true }).fetch('http://127.0.0.1:1/')).rejects.toThrow('ECONNREFUSED');
  });

  test('never without TLS unless that is allowed', async () => {
    await expect(http().fetch('http://127.0.0.1:1/a?secret=b')).rejects.toThrow('is not asked by http://');
    await expect(http({ allowPrivate: true }).fetch('ftp://127.0.0.1/')).rejects.toThrow('is not asked by');
  });
});
