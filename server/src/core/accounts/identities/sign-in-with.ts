import type { Identities } from './identities.ts';
import type { ProviderSignIn } from './provider-sign-in.ts';

/** Sign-in with other services. */
export interface SignInWith {
  readonly providers: ProviderSignIn;
  readonly identities: Identities;
}
