import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type Asked, asked, type Intercept, redirect, serve } from './served.ts';

interface QqUser {
  readonly openid: string;
  readonly unionid?: string;
  readonly nickname: string;
}

export interface QqServer {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Who is signed in at QQ in the browser that comes; undefined: who cancels. */
  user: QqUser | undefined;
  /** `documented` answers with JSON where fmt=json asks for it; `old` knows no fmt: forms, and JSONP under text/html. */
  manner: 'documented' | 'old';
  intercept: Intercept;
  readonly asked: Asked[];
  close(): Promise<void>;
}

/** Answers as the documentation of QQ Connect describes it, with its public return codes. */
export async function startQq(): Promise<QqServer> {
  const codes = new Map<string, { readonly user: QqUser; readonly redirectUri: string }>();
  const tokens = new Map<string, QqUser>();
  const [clientId, clientSecret] = ['101234567', '0123456789abcdef0123456789abcdef'];

  const isJson = ({ query }: Asked) => qq.manner === 'documented' && query.get('fmt') === 'json';
  const json = (response: ServerResponse, body: object) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(JSON.stringify(body));
  const jsonp = (response: ServerResponse, body: object) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end(`callback( ${JSON.stringify(body)} );\n`);
  const fail = (one: Asked, response: ServerResponse, error: number, error_description: string) =>
    (isJson(one) ? json : jsonp)(response, { error, error_description });

  function authorize({ query }: Asked, response: ServerResponse): ServerResponse {
    const redirectUri = query.get('redirect_uri') ?? '';
    const state = query.get('state') ?? '';
    if (query.get('client_id') !== clientId || query.get('response_type') !== 'code')
      return response.writeHead(200, { 'content-type': 'text/html' }).end('<p>100008</p>');
    if (qq.user === undefined) return redirect(response, redirectUri, { usercancel: '1', state });
    const code = randomBytes(16).toString('hex').toUpperCase();
    codes.set(code, { user: qq.user, redirectUri });
    return redirect(response, redirectUri, { code, state });
  }

  function exchange(one: Asked, response: ServerResponse): ServerResponse {
    const { query } = one;
    const code = codes.get(query.get('code') ?? '');
    codes.delete(query.get('code') ?? '');
    if (query.get('grant_type') !== 'authorization_code')
      return fail(one, response, 100_004, 'param grant_type is wrong or lost ');
    if (query.get('client_id') !== clientId) return fail(one, response, 100_008, 'client_id is not exist');
    if (query.get('client_secret') !== clientSecret)
      return fail(one, response, 100_009, 'client_secret is wrong');
    if (code === undefined) return fail(one, response, 100_019, 'code to access token error');
    if (query.get('redirect_uri') !== code.redirectUri)
      return fail(one, response, 100_010, 'redirect uri is illegal');
    const token = randomBytes(16).toString('hex').toUpperCase();
    tokens.set(token, code.user);
    const fields = { access_token: token, expires_in: '7776000', refresh_token: 'D'.repeat(32) };
    if (isJson(one)) return json(response, { ...fields, expires_in: 7_776_000 });
    return response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(new URLSearchParams(fields).toString());
  }

  function me(one: Asked, response: ServerResponse): ServerResponse {
    const user = tokens.get(one.query.get('access_token') ?? '');
    if (user === undefined) return fail(one, response, 100_016, 'access token check failed');
    const wantsUnion = one.query.get('unionid') === '1';
    const union = wantsUnion && user.unionid !== undefined ? { unionid: user.unionid } : {};
    return (isJson(one) ? json : jsonp)(response, { client_id: clientId, openid: user.openid, ...union });
  }

  function userInfo({ query }: Asked, response: ServerResponse): ServerResponse {
    const user = tokens.get(query.get('access_token') ?? '');
    if (user === undefined) return json(response, { ret: -23, msg: 'token is invalid' });
    if (query.get('oauth_consumer_key') !== clientId || query.get('openid') !== user.openid)
      return json(response, { ret: -22, msg: 'openid is invalid' });
    const { nickname } = user;
    return json(response, { ret: 0, msg: '', is_lost: 0, nickname, gender: '男', year: '1990', vip: '0' });
  }

  const all: Asked[] = [];
  const { url, close } = await serve(async (request, response) => {
    const one = await asked(request);
    all.push(one);
    if (qq.intercept(one.path, request, response)) return;
    if (one.path === '/oauth2.0/authorize') authorize(one, response);
    else if (one.path === '/oauth2.0/token') exchange(one, response);
    else if (one.path === '/oauth2.0/me') me(one, response);
    else if (one.path === '/user/get_user_info') userInfo(one, response);
    else response.writeHead(404).end('Not Found');
  });
  const qq: QqServer = {
    url,
    clientId,
    clientSecret,
    user: undefined,
    manner: 'documented',
    intercept: () => false,
    asked: all,
    close,
  };
  return qq;
}
