/** Calls about signing in with other services, with the fields that their bodies must have. */
export const IDENTITY_CALLS: Readonly<Record<string, readonly string[]>> = {
  'DELETE /me/identities/{id}': [],
  'GET /auth/providers': [],
  'GET /auth/providers/{provider}/begin': [],
  'GET /auth/providers/{provider}/callback': [],
  'GET /me/identities': [],
  'POST /auth/exchange': ['code', 'verifier'],
  'POST /me/identities/{provider}/begin': [],
};
