import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { isOsproxyError, type OsproxyError } from '#core/errors.ts';
import { codeOver, denied, misconfigured, quoted, unavailable, untrusted } from '../failures.ts';
import { NoAnswer } from '../outgoing-http.ts';

interface Named {
  readonly name: string;
  readonly title: string;
}

/** OpenID Connect Core 3.1.2.6 and RFC 6749 4.1.2.1: answers by which the person did not sign in. */
const SAID_NO: ReadonlySet<string> = new Set([
  'access_denied',
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
]);
const BUSY: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error']);

/** The library's codes for an answer that is none: wrong status, not JSON, or not what the protocol says. */
const BROKEN: ReadonlySet<string> = new Set([
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
]);
const WRONG_SETTINGS: ReadonlySet<string> = new Set([
  'OAUTH_MISSING_SERVER_METADATA',
  'OAUTH_INVALID_SERVER_METADATA',
  'OAUTH_HTTP_REQUEST_FORBIDDEN',
  'OAUTH_REQUEST_PROTOCOL_FORBIDDEN',
]);

/**
 * Any failure of the library as one of ours. Its errors are not kept as causes: they hold the answers of the provider, and those hold tokens.
 */
export function failureOf(provider: Named, error: unknown): OsproxyError {
  if (isOsproxyError(error)) return error;
  const silent = noAnswerIn(error);
  if (silent !== undefined) return unavailable(provider, silent.message, silent);
  if (error instanceof AuthorizationResponseError) return refusedThere(provider, error);
  if (error instanceof ResponseBodyError) {
    if (error.error === 'invalid_grant') return codeOver(provider);
    const said = `${quoted(error.error)} ${quoted(error.error_description ?? '')}`;
    return error.status >= 500 || BUSY.has(error.error)
      ? unavailable(provider, said)
      : misconfigured(provider, said);
  }
  if (error instanceof WWWAuthenticateChallengeError)
    return misconfigured(provider, `it answered ${error.status} to the client id and secret or to its token`);
  return byCode(provider, error);
}

function refusedThere(provider: Named, { error, error_description: more }: AuthorizationResponseError) {
  if (SAID_NO.has(error)) return denied(provider);
  const said = `${quoted(error)} ${quoted(more ?? '')}`;
  return BUSY.has(error) ? unavailable(provider, said) : misconfigured(provider, said);
}

function byCode(provider: Named, error: unknown): OsproxyError {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const said = `${String(message)}${reasonIn(error)}${typeof code === 'string' ? ` (${code})` : ''}`;
  if (typeof code !== 'string') return unavailable(provider, said);
  if (BROKEN.has(code)) return unavailable(provider, said);
  if (WRONG_SETTINGS.has(code)) return misconfigured(provider, said);
  const cause = (error as Error).cause as { readonly attribute?: unknown } | undefined;
  // Another issuer in the discovery document is a matter of the settings, in an ID token one of trust.
  if (code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' && cause?.attribute === 'issuer')
    return misconfigured(provider, said);
  return untrusted(provider, said);
}

/** What the library says more exactly, where it is a message and not an answer. */
function reasonIn(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  return cause instanceof Error ? `: ${cause.message}` : '';
}

function noAnswerIn(error: unknown): NoAnswer | undefined {
  for (let one = error, depth = 0; one instanceof Error && depth < 8; one = one.cause, depth += 1) {
    if (one instanceof NoAnswer) return one;
  }
  return undefined;
}
