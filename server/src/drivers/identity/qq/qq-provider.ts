import type { IdentityProvider, ProvenIdentity, SignInRequest } from '#core/ports/identity-provider.ts';
import { type Answered, ask, textOf } from '../answers.ts';
import { authorizationCode, parameterOf, requireState } from '../callback.ts';
import { codeOver, denied, misconfigured, quoted, unavailable, untrusted } from '../failures.ts';
import { NoAnswer, type OutgoingHttp } from '../outgoing-http.ts';
import { wordOf } from '../texts.ts';

export interface QqOptions {
  readonly name: string;
  readonly title: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Ends with a slash. */
  readonly base: URL;
  readonly byUnionId: boolean;
  readonly scopes: readonly string[];
  readonly http: OutgoingHttp;
}

/** Public return codes of QQ Connect for a code that is over or was never given. */
const CODE_OVER: ReadonlySet<number> = new Set([100_019, 100_020]);
/** For an application, its key or its redirect address that QQ does not know. */
const WRONG_SETTINGS: ReadonlySet<number> = new Set([
  ...[100_000, 100_001, 100_002, 100_003, 100_004, 100_005, 100_006],
  ...[100_008, 100_009, 100_010, 100_011, 100_012, 100_048],
]);
/** The person did not let this application see the profile. */
const NOT_ALLOWED = 100_030;

/**
 * QQ Connect: authorization code, then /oauth2.0/me for whom the token is of, then the profile. QQ documents neither PKCE nor a nonce: what binds the
 * answer to the browser is the state alone. Its answers may be forms, JSON or JSONP under any content type.
 */
export class QqProvider implements IdentityProvider {
  readonly type = 'qq';
  readonly name: string;
  readonly title: string;
  readonly #options: QqOptions;

  constructor(options: QqOptions) {
    this.#options = options;
    this.name = options.name;
    this.title = options.title;
  }

  async begin({ redirectUri, state }: SignInRequest): Promise<URL> {
    const { clientId, scopes } = this.#options;
    return this.#address('oauth2.0/authorize', {
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      state,
      scope: scopes.join(','),
    });
  }

  async finish(request: SignInRequest, answer: URLSearchParams): Promise<ProvenIdentity> {
    const { clientId, base, byUnionId } = this.#options;
    const token = await this.#tokenFor(this.#codeOf(request, answer), request.redirectUri);
    const me = await this.#get('oauth2.0/me', {
      access_token: token,
      fmt: 'json',
      ...(byUnionId ? { unionid: '1' } : {}),
    });
    this.#refuseError(me);
    // A token that was given to another application says nothing about who is here.
    if (String(me.fields.client_id) !== clientId)
      throw untrusted(this, 'its token belongs to another application');
    const openid = this.#idOf(me, 'openid');
    const nickname = await this.#nicknameOf(token, openid);
    return {
      // An openid means somebody only together with the application, a unionid with its developer.
      issuer: byUnionId ? `${base.origin}/unionid` : `${base.origin}/${clientId}`,
      subject: byUnionId ? this.#idOf(me, 'unionid') : openid,
      email: undefined,
      emailVerified: false,
      name: nickname,
      login: undefined,
    };
  }

  async check(): Promise<string> {
    const { base } = this.#options;
    await this.#get('oauth2.0/me', { access_token: 'none', fmt: 'json' });
    return `found at ${base.host}`;
  }

  close(): void {
    this.#options.http.close();
  }

  #codeOf({ state }: SignInRequest, answer: URLSearchParams): string {
    requireState(this, answer, state);
    const cancelled = parameterOf(this, answer, 'usercancel');
    if (cancelled !== undefined && cancelled !== '0') throw denied(this);
    return authorizationCode(this, answer);
  }

  async #tokenFor(code: string, redirectUri: string): Promise<string> {
    const { clientId, clientSecret } = this.#options;
    const answered = await this.#get('oauth2.0/token', {
      grant_type: 'authorization_code',
      client_id: clientId,
      client_secret: clientSecret,
      code,
      redirect_uri: redirectUri,
      fmt: 'json',
    });
    this.#refuseError(answered);
    const token = textOf(answered.fields, 'access_token');
    if (token === undefined) throw unavailable(this, `it answered ${answered.status} without a token`);
    return token;
  }

  async #nicknameOf(token: string, openid: string): Promise<string | undefined> {
    const answered = await this.#get('user/get_user_info', {
      access_token: token,
      oauth_consumer_key: this.#options.clientId,
      openid,
    });
    const { ret, msg, nickname } = answered.fields;
    if (Number(ret) === NOT_ALLOWED) return undefined;
    this.#refuseError(answered);
    if (Number(ret) !== 0) throw unavailable(this, `it answered ret ${quoted(ret)} ${quoted(msg ?? '')}`);
    return wordOf(nickname);
  }

  #idOf({ fields }: Answered, name: 'openid' | 'unionid'): string {
    const id = textOf(fields, name);
    if (id !== undefined && /^[\x21-\x7e]{1,255}$/.test(id)) return id;
    if (name === 'unionid' && id === undefined)
      throw misconfigured(this, 'it gave no unionid; apply for it at QQ Connect, or set unionId to false');
    throw unavailable(this, `its answer about the user has no ${name}`);
  }

  #refuseError({ status, fields }: Answered): void {
    const { error } = fields;
    if (error === undefined && status === 200) return;
    const number = Number(error);
    const said = `it answered ${status} ${quoted(error ?? '')} ${quoted(fields.error_description ?? '')}`;
    if (CODE_OVER.has(number)) throw codeOver(this);
    if (WRONG_SETTINGS.has(number)) throw misconfigured(this, said);
    throw unavailable(this, said);
  }

  async #get(path: string, query: Readonly<Record<string, string>>): Promise<Answered> {
    try {
      return await ask(this.#options.http, this.#address(path, query));
    } catch (error) {
      if (error instanceof NoAnswer) throw unavailable(this, error.message, error);
      throw error;
    }
  }

  #address(path: string, query: Readonly<Record<string, string>>): URL {
    const url = new URL(path, this.#options.base);
    url.search = new URLSearchParams(query).toString();
    return url;
  }
}
