import { type ErrorOptions, OsproxyError } from '#core/errors.ts';
import type { SignInFailure } from '#core/ports/identity-provider.ts';

interface Named {
  readonly name: string;
  readonly title: string;
}

function details({ name }: Named, reason: SignInFailure, cause?: unknown): ErrorOptions {
  return { details: { provider: name, reason }, ...(cause === undefined ? {} : { cause }) };
}

/** The person, or somebody who decides for them there, said no. */
export function denied(provider: Named): OsproxyError {
  return new OsproxyError(
    'PermissionDenied',
    `${provider.title} was not allowed to say who you are.`,
    details(provider, 'denied'),
  );
}

/** The code came too late or was used before. */
export function codeOver(provider: Named, cause?: unknown): OsproxyError {
  return new OsproxyError(
    'Expired',
    `The answer of ${provider.title} is not valid any more; begin to sign in again.`,
    details(provider, 'expired', cause),
  );
}

/** The provider does not take this service for what its settings say; `what` is for the log, never for the person. */
export function misconfigured(provider: Named, what: string, cause?: unknown): OsproxyError {
  const told = new Error(`The sign-in provider "${provider.name}" refused this service: ${what}`, { cause });
  return new OsproxyError(
    'Unavailable',
    `${provider.title} does not accept this service at the moment; whoever runs it has to correct its settings.`,
    { ...details(provider, 'misconfigured', told), retryable: false },
  );
}

/** The provider is away, too slow, or its answer is none. */
export function unavailable(provider: Named, what: string, cause?: unknown): OsproxyError {
  const told = new Error(`The sign-in provider "${provider.name}" could not be asked: ${what}`, { cause });
  return new OsproxyError(
    'Unavailable',
    `${provider.title} cannot be asked at the moment; try again later.`,
    details(provider, 'unavailable', told),
  );
}

/** The answer is not what this service asked for; somebody may have tampered with it. */
export function untrusted(provider: Named, what: string, cause?: unknown): OsproxyError {
  const told = new Error(`The answer of the sign-in provider "${provider.name}" is not trusted: ${what}`, {
    cause,
  });
  return new OsproxyError(
    'Unauthenticated',
    `The answer of ${provider.title} could not be verified; begin to sign in again.`,
    details(provider, 'untrusted', told),
  );
}

/** What a provider wrote, as part of one line of a log. */
export function quoted(text: unknown): string {
  return JSON.stringify(String(text).slice(0, 200));
}
