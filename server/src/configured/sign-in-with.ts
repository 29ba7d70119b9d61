import type { Confirmation } from '#core/accounts/confirmation.ts';
import { Identities, type IdentitiesOptions } from '#core/accounts/identities/identities.ts';
import { type Proceed, ProviderSignIn } from '#core/accounts/identities/provider-sign-in.ts';
import type { SignInWith } from '#core/accounts/identities/sign-in-with.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { RateCounter } from '#core/ports/rate-counter.ts';

interface SignInWithParts extends IdentitiesOptions {
  readonly proceed: Proceed;
  readonly confirmation: Confirmation;
  readonly counter: RateCounter;
  readonly logger: Logger;
}

/** Sign-in with the providers of the configuration. */
export function configuredSignInWith(parts: SignInWithParts): SignInWith {
  const identities = new Identities(parts);
  parts.users.onDeleted(({ id }, repositories) => repositories.identities.removeOfUser(id));
  return { identities, providers: new ProviderSignIn({ ...parts, identities }) };
}
