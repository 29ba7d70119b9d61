import { createHash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type Asked, asked, type Intercept, redirect, serve } from './served.ts';

interface GithubUser {
  readonly id: number;
  readonly login: string;
  readonly name: string | null;
  readonly emails: readonly {
    readonly email: string;
    readonly primary: boolean;
    readonly verified: boolean;
  }[];
}

export interface GithubServer {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Who is signed in at GitHub in the browser that comes; undefined: who says no. */
  user: GithubUser | undefined;
  intercept: Intercept;
  readonly asked: Asked[];
  close(): Promise<void>;
}

interface Code {
  readonly user: GithubUser;
  readonly redirectUri: string;
  readonly challenge: string | null;
  readonly scope: string;
}

/** Answers as GitHub documents it for OAuth apps and for a GitHub Enterprise Server, with the API below /api/v3. */
export async function startGithub(): Promise<GithubServer> {
  const codes = new Map<string, Code>();
  const tokens = new Map<string, Code>();
  const [clientId, clientSecret] = ['Iv1.0123456789abcdef', 'github secret/+&'];

  function authorize({ query }: Asked, response: ServerResponse): ServerResponse {
    const redirectUri = query.get('redirect_uri') ?? '';
    const state = query.get('state') ?? '';
    if (query.get('client_id') !== clientId) return response.writeHead(404).end('Not Found');
    if (github.user === undefined) {
      return redirect(response, redirectUri, {
        error: 'access_denied',
        error_description: 'The user has denied your application access.',
        error_uri: 'https://docs.github.com/apps/troubleshooting#access-denied',
        state,
      });
    }
    const code = randomBytes(10).toString('hex');
    const challenge = query.get('code_challenge');
    codes.set(code, { user: github.user, redirectUri, challenge, scope: query.get('scope') ?? '' });
    return redirect(response, redirectUri, { code, state });
  }

  function exchange({ body, headers }: Asked, response: ServerResponse): ServerResponse {
    const say = (fields: Record<string, string>) => {
      const isJson = headers.accept === 'application/json';
      return response
        .writeHead(200, {
          'content-type': isJson ? 'application/json; charset=utf-8' : 'application/x-www-form-urlencoded',
        })
        .end(isJson ? JSON.stringify(fields) : new URLSearchParams(fields).toString());
    };
    const code = codes.get(body.get('code') ?? '');
    codes.delete(body.get('code') ?? '');
    if (body.get('client_id') !== clientId || body.get('client_secret') !== clientSecret) {
      return say({
        error: 'incorrect_client_credentials',
        error_description: 'The client_id and/or client_secret passed are incorrect.',
      });
    }
    const digest = createHash('sha256')
      .update(body.get('code_verifier') ?? '')
      .digest('base64url');
    if (code === undefined || (code.challenge !== null && code.challenge !== digest)) {
      return say({
        error: 'bad_verification_code',
        error_description: 'The code passed is incorrect or expired.',
      });
    }
    if (body.get('redirect_uri') !== code.redirectUri) {
      return say({
        error: 'redirect_uri_mismatch',
        error_description: 'The redirect_uri MUST match the registered callback URL for this application.',
      });
    }
    const token = `gho_${randomBytes(18).toString('base64url')}`;
    tokens.set(token, code);
    return say({ access_token: token, scope: code.scope.replaceAll(' ', ','), token_type: 'bearer' });
  }

  function api({ path, headers }: Asked, response: ServerResponse): ServerResponse {
    const say = (status: number, body: unknown) =>
      response
        .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
        .end(JSON.stringify(body));
    if (headers['user-agent'] === undefined) return say(403, { message: 'Request forbidden: no User-Agent' });
    if (path === '/api/v3/meta') return say(200, { verifiable_password_authentication: false });
    const known = tokens.get((headers.authorization ?? '').replace('Bearer ', ''));
    if (known === undefined) return say(401, { message: 'Bad credentials', status: '401' });
    const { id, login, name, emails } = known.user;
    if (path === '/api/v3/user')
      return say(200, { login, id, node_id: 'MDQ6', type: 'User', name, email: null });
    if (path === '/api/v3/user/emails' && known.scope.includes('user:email'))
      return say(
        200,
        emails.map((one) => ({ ...one, visibility: one.primary ? 'private' : null })),
      );
    return say(404, {
      message: 'Not Found',
      documentation_url: 'https://docs.github.com/rest',
      status: '404',
    });
  }

  const all: Asked[] = [];
  const { url, close } = await serve(async (request, response) => {
    const one = await asked(request);
    all.push(one);
    if (github.intercept(one.path, request, response)) return;
    if (one.path === '/login/oauth/authorize') authorize(one, response);
    else if (one.path === '/login/oauth/access_token' && one.method === 'POST') exchange(one, response);
    else if (one.path.startsWith('/api/v3/')) api(one, response);
    else response.writeHead(404).end('Not Found');
  });
  const github: GithubServer = {
    url,
    clientId,
    clientSecret,
    user: undefined,
    intercept: () => false,
    asked: all,
    close,
  };
  return github;
}
