import { generateKeyPairSync, sign } from 'node:crypto';
import type { RequestListener } from 'node:http';
import Provider from 'oidc-provider';
import { type Intercept, serve } from './served.ts';

interface OidcUser {
  readonly sub: string;
  readonly [claim: string]: unknown;
}

export interface OidcServer {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Known without a secret. */
  readonly publicClientId: string;
  /** Who is signed in there in the browser that comes; undefined: who says no. */
  user: OidcUser | undefined;
  intercept: Intercept;
  /** An ID token with the key of the provider. */
  sign(claims: Readonly<Record<string, unknown>>): string;
  /** Paths that were asked. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** A real OpenID provider (oidc-provider) that asks nobody for a password: who signs in is who it is told. */
export async function startOidc(redirectUris: readonly string[]): Promise<OidcServer> {
  const [clientId, clientSecret, publicClientId] = ['osproxy', 'oidc secret of 32 characters!!', 'public'];
  const users = new Map<string, OidcUser>();
  let handle: RequestListener = (_request, response) => void response.writeHead(503).end();
  const all: string[] = [];
  const { url: issuer, close } = await serve((request, response) => {
    const path = new URL(request.url ?? '/', 'http://host').pathname;
    all.push(path);
    if (!server.intercept(path, request, response)) handle(request, response);
  });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...privateKey.export({ format: 'jwk' }), kid: 'first', use: 'sig', alg: 'ES256' };
  const common = {
    // Ports of loopback addresses are not compared (RFC 8252, 7.3).
    application_type: 'native' as const,
    redirect_uris: [...redirectUris],
    response_types: ['code' as const],
    grant_types: ['authorization_code'],
    id_token_signed_response_alg: 'ES256' as const,
  };
  const provider = new Provider(issuer, {
    clients: [
      { ...common, client_id: clientId, client_secret: clientSecret },
      { ...common, client_id: publicClientId, token_endpoint_auth_method: 'none' },
    ],
    jwks: { keys: [key] },
    cookies: { keys: ['a key for cookies of this test'] },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
    },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    findAccount: (_context, id) => {
      const claims = users.get(id);
      return claims === undefined ? undefined : { accountId: id, claims: () => claims };
    },
    loadExistingGrant: async (context) => {
      const { client, session } = context.oidc;
      const grant = new provider.Grant({
        ...(client === undefined ? {} : { clientId: client.clientId }),
        ...(session?.accountId === undefined ? {} : { accountId: session.accountId }),
      });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
  });
  provider.use(async (context, next) => {
    if (!context.path.startsWith('/interaction/')) return next();
    context.respond = false;
    const { user } = server;
    if (user === undefined) {
      const error = { error: 'access_denied', error_description: 'End-User aborted interaction' };
      return provider.interactionFinished(context.req, context.res, error);
    }
    users.set(user.sub, user);
    return provider.interactionFinished(context.req, context.res, {
      login: { accountId: user.sub },
      consent: {},
    });
  });
  handle = provider.callback();
  const server: OidcServer = {
    issuer,
    clientId,
    clientSecret,
    publicClientId,
    user: undefined,
    intercept: () => false,
    asked: all,
    sign: (claims) => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const text = `${part({ alg: 'ES256', kid: 'first' })}.${part(claims)}`;
      const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${text}.${signature.toString('base64url')}`;
    },
    close,
  };
  return server;
}
