/** Calls about people, with the fields that their bodies must have. */
export const ACCOUNT_CALLS: Readonly<Record<string, readonly string[]>> = {
  'DELETE /me/sessions/{id}': [],
  'DELETE /users/{id}': [],
  'GET /me': [],
  'GET /me/sessions': [],
  'GET /users': [],
  'GET /users/{id}': [],
  'PATCH /users/{id}': [],
  'POST /auth/refresh': ['refreshToken'],
  'POST /auth/sign-in': ['name', 'password'],
  'POST /auth/sign-out': [],
  'POST /me/password': ['oldPassword', 'newPassword'],
  'POST /me/sessions/sign-out-everywhere': [],
  'POST /users': ['name'],
  'POST /users/{id}/password': ['password'],
};
