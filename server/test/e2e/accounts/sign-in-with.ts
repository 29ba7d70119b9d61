import { Browser, type Visited } from '#test/services/identity/browser.ts';
import { type GithubServer, startGithub } from '#test/services/identity/github-server.ts';
import { type OidcServer, startOidc } from '#test/services/identity/oidc-server.ts';
import { type QqServer, startQq } from '#test/services/identity/qq-server.ts';
import { PASSWORD, type TestPerson } from '../people.ts';
import { type RunningService, startService } from '../service.ts';

export const V1 = '/api/v1';

export interface Stage {
  readonly service: RunningService;
  readonly corp: OidcServer;
  readonly github: GithubServer;
  readonly qq: QqServer;
  close(): Promise<void>;
}

/** A service with one provider of each kind, all on this machine. */
export async function startStage(env: Record<string, string> = {}): Promise<Stage> {
  const [corp, github, qq] = await Promise.all([
    startOidc([`http://127.0.0.1${V1}/auth/providers/corp/callback`]),
    startGithub(),
    startQq(),
  ]);
  const local = { allowPrivate: true, timeoutSeconds: 10 };
  const of = ({ clientId, clientSecret }: { clientId: string; clientSecret: string }) => ({
    ...local,
    clientId,
    clientSecret,
  });
  const providers = [
    { name: 'corp', type: 'oidc', title: 'Our Company', issuer: corp.issuer, ...of(corp) },
    { name: 'github', type: 'github', baseUrl: github.url, ...of(github) },
    { name: 'qq', type: 'qq', baseUrl: qq.url, ...of(qq) },
  ];
  const service = await startService({
    env: { OSPROXY_SIGN_IN_PROVIDERS: JSON.stringify(providers), ...env },
  });
  return {
    ...{ service, corp, github, qq },
    close: async () => {
      await service.close();
      await Promise.all([corp.close(), github.close(), qq.close()]);
    },
  };
}

export function beginUrl({ service }: Stage, provider: string, query: Record<string, string> = {}): string {
  const text = new URLSearchParams(query).toString();
  return `${service.url}${V1}/auth/providers/${provider}/begin${text === '' ? '' : `?${text}`}`;
}

const isCallback = ({ pathname }: URL): boolean => pathname.endsWith('/callback');

/** Goes to the provider and back, but does not yet enter the callback, whose address is the answer. */
export async function upToCallback(browser: Browser, start: string | URL): Promise<URL> {
  const { url, status, text } = await browser.visit(start, isCallback);
  if (status !== 0) throw new Error(`no callback: ${status} at ${url.origin}${url.pathname}: ${text}`);
  return url;
}

/** Everything, up to the page of the service at which it ends. */
export function signInWith(
  stage: Stage,
  browser: Browser,
  provider: string,
  query: Record<string, string> = { returnTo: '/files' },
): Promise<Visited> {
  const { origin } = new URL(stage.service.url);
  const isEnd = (url: URL) => url.origin === origin && !url.pathname.startsWith(V1);
  return browser.visit(beginUrl(stage, provider, query), isEnd);
}

/** Where the person has to go to link an identity; the browser keeps what ties it to this. */
export async function beginLinking(
  { service }: Stage,
  browser: Browser,
  { accessToken }: Pick<TestPerson, 'accessToken'>,
  provider: string,
  password: string | undefined = PASSWORD,
): Promise<URL> {
  const response = await browser.fetch(`${service.url}${V1}/me/identities/${provider}/begin`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ returnTo: '/settings', password }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`begin to link: ${response.status} ${text}`);
  return new URL((JSON.parse(text) as { url: string }).url);
}

/** Links the identity of whoever is signed in at the provider. */
export async function link(stage: Stage, person: TestPerson, provider: string): Promise<Visited> {
  const browser = new Browser();
  const url = await beginLinking(stage, browser, person, provider);
  return browser.visit(url, ({ pathname }) => pathname === '/settings');
}

/** The refresh token that the browser keeps, and what a page of the service learns by it. */
export async function sessionOf({ service }: Stage, browser: Browser) {
  const url = new URL(`${service.url}${V1}/auth/refresh`);
  const refreshToken = /(?:^|; )osproxy_refresh=([^;]+)/.exec(browser.cookiesFor(url))?.[1];
  if (refreshToken === undefined) throw new Error('The browser has no refresh token.');
  const headers = { 'sec-fetch-site': 'same-origin' };
  const response = await browser.fetch(url, { method: 'POST', headers });
  const { sessionId, user } = (await response.json()) as {
    sessionId: string;
    user: { id: string; name: string };
  };
  return { status: response.status, refreshToken, sessionId, user };
}
