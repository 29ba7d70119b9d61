/** Query parameters that open something for whoever knows them. */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  'signature',
  'link',
  'code',
  'verifier',
  'token',
  'access_token',
  'api_key',
  'apikey',
  'key',
  'password',
  'x-amz-signature',
  'x-amz-security-token',
]);

/** What stands behind these in a path opens something as well. */
const SECRET_AFTER: readonly string[] = ['/api/v1/shared', '/api/v1/drive/tickets'];

/** The URL with the values of secret query parameters and path segments replaced, whatever way the names before them are written. */
export function redactUrl(url: string): string {
  const question = url.indexOf('?');
  if (question === -1) return redactPath(url);
  const pairs = url.slice(question + 1).split('&');
  return `${redactPath(url.slice(0, question))}?${pairs.map(redactPair).join('&')}`;
}

function redactPath(path: string): string {
  const origin = /^https?:\/\/[^/]*/i.exec(path)?.[0] ?? '';
  let before = '';
  const segments = path.slice(origin.length).split('/');
  const shown = segments.map((segment) => {
    if (segment === '') return segment;
    if (SECRET_AFTER.includes(before)) {
      before = '/';
      return '[redacted]';
    }
    before += `/${decoded(segment)}`;
    return segment;
  });
  return `${origin}${shown.join('/')}`;
}

function decoded(text: string): string {
  if (!text.includes('%')) return text.toLowerCase();
  try {
    return decodeURIComponent(text).toLowerCase();
  } catch {
    return text;
  }
}

function redactPair(pair: string): string {
  const equals = pair.indexOf('=');
  if (equals === -1) return pair;
  const name = pair.slice(0, equals);
  return isSecret(name) ? `${name}=[redacted]` : pair;
}

function isSecret(name: string): boolean {
  if (!/[%+]/.test(name)) return SECRET_PARAMETERS.has(name.toLowerCase());
  try {
    return SECRET_PARAMETERS.has(decodeURIComponent(name.replaceAll('+', ' ')).trim().toLowerCase());
  } catch {
    return true;
  }
}
