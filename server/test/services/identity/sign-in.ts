import { randomBytes } from 'node:crypto';
import { isOsproxyError } from '#core/errors.ts';
import type { IdentityProvider, ProvenIdentity, SignInRequest } from '#core/ports/identity-provider.ts';
import { Browser } from './browser.ts';
import type { Intercept } from './served.ts';

export const REDIRECT_URI = 'http://127.0.0.1:9/api/v1/auth/providers/x/callback';

export function newRequest(): SignInRequest {
  const random = () => randomBytes(32).toString('base64url');
  return { redirectUri: REDIRECT_URI, state: random(), nonce: random(), verifier: random() };
}

/** What the provider sends the browser back with, for the person who is signed in there. */
export async function answerOf(provider: IdentityProvider, request: SignInRequest): Promise<URLSearchParams> {
  const start = await provider.begin(request);
  const { url } = await new Browser().visit(start, (one) => one.href.startsWith(REDIRECT_URI));
  return url.searchParams;
}

export async function signInWith(provider: IdentityProvider): Promise<ProvenIdentity> {
  const request = newRequest();
  return provider.finish(request, await answerOf(provider, request));
}

/** What the server says from now on when it is asked for `path`. */
export function answerAt(
  server: { intercept: Intercept },
  path: string,
  { status, type, body }: { readonly status: number; readonly type: string; readonly body: string },
): void {
  server.intercept = (asked, _request, response) => {
    if (asked !== path) return false;
    response.writeHead(status, { 'content-type': type }).end(body);
    return true;
  };
}

/** What a failed sign-in tells: the code, the reason, what a person reads, and what the log gets. */
export async function failureOf(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isOsproxyError(error)) throw new Error('it should fail with an OsproxyError', { cause: error });
  return {
    code: error.code,
    reason: error.details.reason,
    provider: error.details.provider,
    message: error.message,
    log: error.cause instanceof Error ? error.cause.message : '',
  };
}
