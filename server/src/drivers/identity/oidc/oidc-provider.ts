import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
} from 'openid-client';
import type { Clock } from '#core/ports/clock.ts';
import type { IdentityProvider, ProvenIdentity, SignInRequest } from '#core/ports/identity-provider.ts';
import { untrusted } from '../failures.ts';
import type { OutgoingHttp } from '../outgoing-http.ts';
import { identityOf } from './claims.ts';
import { failureOf } from './errors.ts';

/** What a provider says of itself changes seldom; its keys are looked up by themselves. */
const REDISCOVER_MS = 3_600_000;
/** How far the clocks of this service and the provider may be apart. */
const CLOCK_TOLERANCE_SECONDS = 60;

export interface OidcOptions {
  readonly name: string;
  readonly title: string;
  readonly issuer: URL;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly scopes: readonly string[];
  readonly http: OutgoingHttp;
  readonly clock: Clock;
}

/** Any provider of OpenID Connect that can be discovered: authorization code flow with PKCE, state, nonce, and an ID token whose signature is checked. */
export class OidcProvider implements IdentityProvider {
  readonly type = 'oidc';
  readonly name: string;
  readonly title: string;
  readonly #options: OidcOptions;
  #discovered: { readonly configuration: Promise<Configuration>; readonly until: number } | undefined;

  constructor(options: OidcOptions) {
    this.#options = options;
    this.name = options.name;
    this.title = options.title;
  }

  async begin({ redirectUri, state, nonce, verifier }: SignInRequest): Promise<URL> {
    return this.#telling(async () =>
      buildAuthorizationUrl(await this.#configuration(), {
        redirect_uri: redirectUri,
        scope: this.#options.scopes.join(' '),
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }),
    );
  }

  async finish(request: SignInRequest, answer: URLSearchParams): Promise<ProvenIdentity> {
    return this.#telling(async () => {
      const configuration = await this.#configuration();
      const callback = new URL(request.redirectUri);
      callback.search = answer.toString();
      const tokens = await authorizationCodeGrant(configuration, callback, {
        expectedState: request.state,
        expectedNonce: request.nonce,
        pkceCodeVerifier: request.verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw untrusted(this, 'it has no ID token');
      const isComplete = claims.email !== undefined && claims.name !== undefined;
      const { userinfo_endpoint: endpoint } = configuration.serverMetadata();
      // What came through userinfo is of the same subject, or it is refused.
      const more =
        isComplete || endpoint === undefined
          ? {}
          : await fetchUserInfo(configuration, tokens.access_token, claims.sub);
      return identityOf(this, claims, more);
    });
  }

  async check(): Promise<string> {
    const { issuer } = (await this.#telling(() => this.#configuration())).serverMetadata();
    return `found at ${issuer}`;
  }

  close(): void {
    this.#options.http.close();
  }

  async #telling<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw failureOf(this, error);
    }
  }

  /** A failed discovery is forgotten, so that the next person's sign-in asks again. */
  #configuration(): Promise<Configuration> {
    const now = this.#options.clock.now();
    if (this.#discovered === undefined || this.#discovered.until <= now) {
      const configuration = this.#discover();
      const found = { configuration, until: now + REDISCOVER_MS };
      this.#discovered = found;
      configuration.catch(() => {
        if (this.#discovered === found) this.#discovered = undefined;
      });
    }
    return this.#discovered.configuration;
  }

  async #discover(): Promise<Configuration> {
    const { issuer, clientId, clientSecret, http } = this.#options;
    const configuration = await discovery(
      issuer,
      clientId,
      { [clockTolerance]: CLOCK_TOLERANCE_SECONDS },
      (server, client, body, headers) => {
        if (clientSecret === undefined) return None()(server, client, body, headers);
        // RFC 8414: a provider that does not say takes the Authorization header.
        const inBody = server.token_endpoint_auth_methods_supported?.includes('client_secret_post') === true;
        const authenticate = inBody ? ClientSecretPost(clientSecret) : ClientSecretBasic(clientSecret);
        authenticate(server, client, body, headers);
      },
      {
        [customFetch]: (url, options) => http.fetch(url, options),
        execute:
          issuer.protocol === 'http:'
            ? [enableNonRepudiationChecks, allowInsecureRequests]
            : [enableNonRepudiationChecks],
      },
    );
    const { authorization_endpoint: endpoint } = configuration.serverMetadata();
    if (endpoint === undefined) throw new Error('it names no authorization_endpoint');
    return configuration;
  }
}
