import { RestClient } from './rest/client.ts';
import type { RunningService } from './service.ts';

export const PASSWORD = 'correct horse battery staple';

/** Somebody who is signed in to a service under test. */
export interface TestPerson {
  readonly userId: string;
  readonly name: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sessionId: string;
  /** Shows the access token; `close` it. */
  readonly client: RestClient;
}

export interface SignUpOptions {
  readonly admin?: boolean;
  readonly email?: string;
}

/** Makes a user by the service's own key and signs in over HTTP. */
export async function signUp(
  service: Pick<RunningService, 'url' | 'apiKey'>,
  name: string,
  { admin = false, email }: SignUpOptions = {},
): Promise<TestPerson> {
  const role = admin ? 'admin' : 'member';
  const wanted = {
    name,
    password: PASSWORD,
    role,
    ...(email === undefined ? {} : { email, emailVerified: true }),
  };
  await post(service.url, '/users', wanted, service.apiKey);
  return signIn(service, name);
}

/** Another session of a user that signUp made. */
export async function signIn(
  service: Pick<RunningService, 'url'>,
  name: string,
  password = PASSWORD,
): Promise<TestPerson> {
  const body = await post(service.url, '/auth/sign-in', { name, password });
  const { accessToken, refreshToken, sessionId, user } = body as {
    accessToken: string;
    refreshToken: string;
    sessionId: string;
    user: { id: string };
  };
  const client = new RestClient(service.url, accessToken);
  return { userId: user.id, name, accessToken, refreshToken, sessionId, client };
}

async function post(url: string, path: string, json: object, key?: string): Promise<unknown> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(json),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}
