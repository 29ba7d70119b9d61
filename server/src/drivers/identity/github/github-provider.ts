import { createHash } from 'node:crypto';
import type { OsproxyError } from '#core/errors.ts';
import type { IdentityProvider, ProvenIdentity, SignInRequest } from '#core/ports/identity-provider.ts';
import { type Answered, ask, textOf } from '../answers.ts';
import { authorizationCode, requireState } from '../callback.ts';
import { codeOver, denied, misconfigured, quoted, unavailable } from '../failures.ts';
import { NoAnswer, type OutgoingHttp } from '../outgoing-http.ts';
import { emailOf, wordOf } from '../texts.ts';

export interface GithubOptions {
  readonly name: string;
  readonly title: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Both end with a slash. */
  readonly base: URL;
  readonly api: URL;
  readonly scopes: readonly string[];
  readonly http: OutgoingHttp;
}

/** GitHub's OAuth apps: authorization code with PKCE, then its API for who it was. It has no ID token; a person is known by the number of the account. */
export class GithubProvider implements IdentityProvider {
  readonly type = 'github';
  readonly name: string;
  readonly title: string;
  readonly #options: GithubOptions;

  constructor(options: GithubOptions) {
    this.#options = options;
    this.name = options.name;
    this.title = options.title;
  }

  async begin({ redirectUri, state, verifier }: SignInRequest): Promise<URL> {
    const { base, clientId, scopes } = this.#options;
    const url = new URL('login/oauth/authorize', base);
    url.search = new URLSearchParams({
      client_id: clientId,
      redirect_uri: redirectUri,
      scope: scopes.join(' '),
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }).toString();
    return url;
  }

  async finish(request: SignInRequest, answer: URLSearchParams): Promise<ProvenIdentity> {
    requireState(this, answer, request.state);
    const token = await this.#tokenFor(authorizationCode(this, answer), request);
    const user = await this.#get('user', token);
    if (user.status !== 200) throw this.#refusal(user, 'user');
    const { id } = user.fields;
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id <= 0)
      throw unavailable(this, 'its answer about the user has no id');
    return {
      issuer: this.#options.base.origin,
      subject: String(id),
      name: wordOf(user.fields.name) ?? wordOf(user.fields.login),
      login: wordOf(user.fields.login),
      ...(await this.#emailWith(token)),
    };
  }

  async check(): Promise<string> {
    const { api } = this.#options;
    // Anybody may ask this; it answers whether or not the client id is right.
    const { status } = await this.#asking(() =>
      ask(this.#options.http, new URL('meta', api), { headers: API }),
    );
    if (status >= 500) throw unavailable(this, `${api.host} answered ${status}`);
    return `found at ${api.host}`;
  }

  close(): void {
    this.#options.http.close();
  }

  async #tokenFor(code: string, { redirectUri, verifier }: SignInRequest): Promise<string> {
    const { base, clientId, clientSecret, http } = this.#options;
    const body = new URLSearchParams({
      client_id: clientId,
      client_secret: clientSecret,
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    const { status, fields } = await this.#asking(() =>
      ask(http, new URL('login/oauth/access_token', base), {
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body,
      }),
    );
    // Its refusals come with the status 200.
    const error = textOf(fields, 'error');
    if (error === 'bad_verification_code') throw codeOver(this);
    if (error === 'unverified_user_email') throw denied(this);
    if (error !== undefined)
      throw misconfigured(this, `${quoted(error)} ${quoted(textOf(fields, 'error_description') ?? '')}`);
    const token = textOf(fields, 'access_token');
    if (status !== 200 || token === undefined)
      throw unavailable(this, `it answered ${status} without a token`);
    if ((textOf(fields, 'token_type') ?? 'bearer').toLowerCase() !== 'bearer')
      throw unavailable(this, 'its token is of a type that nobody knows');
    return token;
  }

  /** Only an address that GitHub has checked is taken, and of several the one that the person calls the first. */
  async #emailWith(token: string): Promise<Pick<ProvenIdentity, 'email' | 'emailVerified'>> {
    const none = { email: undefined, emailVerified: false };
    const { status, fields } = await this.#get('user/emails', token);
    // Without the scope user:email these are refused; who it was is known all the same.
    if (status === 403 || status === 404) return none;
    if (status !== 200 || !Array.isArray(fields)) throw this.#refusal({ status, fields }, 'addresses');
    const known = (fields as readonly Answered['fields'][]).filter((one) => one?.verified === true);
    const email = emailOf((known.find((one) => one.primary === true) ?? known[0])?.email);
    return email === undefined ? none : { email, emailVerified: true };
  }

  #get(path: string, token: string): Promise<Answered> {
    const headers = { ...API, authorization: `Bearer ${token}` };
    return this.#asking(() => ask(this.#options.http, new URL(path, this.#options.api), { headers }));
  }

  #refusal({ status, fields }: Answered, what: string): OsproxyError {
    return unavailable(
      this,
      `its answer about the ${what} was ${status} ${quoted(textOf(fields, 'message') ?? '')}`,
    );
  }

  async #asking<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof NoAnswer) throw unavailable(this, error.message, error);
      throw error;
    }
  }
}

const API = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };
