import { denied, misconfigured, quoted, untrusted } from './failures.ts';

interface Named {
  readonly name: string;
  readonly title: string;
}

/** A parameter of the answer that a browser brought; RFC 6749, 3.1: none may come twice. */
export function parameterOf(provider: Named, answer: URLSearchParams, name: string): string | undefined {
  const values = answer.getAll(name);
  if (values.length > 1) throw untrusted(provider, `"${name}" came ${values.length} times`);
  return values[0] === '' ? undefined : values[0];
}

/** Throws untrusted for an answer that is not to this very question. */
export function requireState(provider: Named, answer: URLSearchParams, state: string): void {
  if (parameterOf(provider, answer, 'state') !== state) throw untrusted(provider, 'it has another state');
}

/** The authorization code of an answer whose state was looked at. Throws denied where the person said no, and misconfigured for any other error in it. */
export function authorizationCode(provider: Named, answer: URLSearchParams): string {
  const error = parameterOf(provider, answer, 'error');
  if (error === 'access_denied') throw denied(provider);
  if (error !== undefined) throw misconfigured(provider, `${quoted(error)} at its sign-in page`);
  const code = parameterOf(provider, answer, 'code');
  if (code === undefined) throw untrusted(provider, 'it has neither a code nor an error');
  return code;
}
