/** What a person's browser is sent away with; all of it is random, used once and known to this service alone. */
interface SignInSecrets {
  readonly state: string;
  /** Comes back inside an ID token; providers that have none do not see it. */
  readonly nonce: string;
  /** PKCE (RFC 7636): only its digest leaves this service before the code comes back. */
  readonly verifier: string;
}

export interface SignInRequest extends SignInSecrets {
  /** Where the provider sends the browser back to; the same at the beginning and at the end. */
  readonly redirectUri: string;
}

/** Whom the provider says has signed in there. */
export interface ProvenIdentity {
  /** Who vouches for it, more exactly than the provider's name, which an operator may give to another one later. */
  readonly issuer: string;
  /** Never changes and is never given to somebody else by this issuer. */
  readonly subject: string;
  readonly email: string | undefined;
  /** True only where the provider says that it has checked the address. */
  readonly emailVerified: boolean;
  /** A name to be shown. */
  readonly name: string | undefined;
  /** A name to sign in with, as it is used there. */
  readonly login: string | undefined;
}

/** Why a sign-in with a provider ended without an identity; `details.reason` of its errors. */
export type SignInFailure = 'denied' | 'expired' | 'misconfigured' | 'unavailable' | 'untrusted';

/**
 * Another service that says who somebody is. Every rejection is an OsproxyError whose `details` have `provider` and `reason` (a SignInFailure), and
 * whose message can be shown to anybody: PermissionDenied when the person said no, Expired when the answer came too late or twice,
 * Unauthenticated when the answer cannot be trusted, Unavailable when the provider is away, answers nonsense or does not accept this service.
 */
export interface IdentityProvider {
  readonly name: string;
  /** What people know it as. */
  readonly title: string;
  readonly type: string;
  /** The address at which the person signs in there. */
  begin(request: SignInRequest): Promise<URL>;
  /** Takes what the provider appended to the redirect URI and asks the provider who it was; bounded in time and in bytes. */
  finish(request: SignInRequest, answer: URLSearchParams): Promise<ProvenIdentity>;
  /** Rejects when the provider cannot be reached or its settings cannot work, for those who look after the service. */
  check(): Promise<string>;
  close(): void;
}
