import type { ProvenIdentity } from '#core/ports/identity-provider.ts';
import { untrusted } from '../failures.ts';
import { emailOf, wordOf } from '../texts.ts';

type Claims = Readonly<Record<string, unknown>>;

/** What ID token and userinfo say; where both say something, the signed one counts. */
export function identityOf(
  provider: { readonly name: string; readonly title: string },
  { iss, sub, ...signed }: Claims,
  userinfo: Claims,
): ProvenIdentity {
  // OpenID Connect Core, 2: a subject has at most 255 ASCII characters.
  if (typeof iss !== 'string' || typeof sub !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(sub))
    throw untrusted(provider, 'its subject is not of 1 to 255 ASCII characters');
  const claims: Claims = { ...userinfo, ...present(signed) };
  // An address and what is said of it must come from the same place.
  const source = signed.email === undefined ? userinfo : signed;
  const email = emailOf(source.email);
  return {
    issuer: iss,
    subject: sub,
    email,
    emailVerified:
      email !== undefined && (source.email_verified === true || source.email_verified === 'true'),
    name: wordOf(claims.name),
    login: wordOf(claims.preferred_username) ?? wordOf(claims.nickname),
  };
}

function present(claims: Claims): Claims {
  return Object.fromEntries(
    Object.entries(claims).filter(([, value]) => value !== undefined && value !== null),
  );
}
