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
const SECRET_SEGMENT = /^((?:https?:\/\/[^/]*)?\/api\/v1\/(?:shared|drive\/tickets)\/)[^/?]+/i;

/** The URL with the values of secret query parameters replaced, whatever way their names are written. */
export function redactUrl(full: string): string {
  const url = full.replace(SECRET_SEGMENT, '$1[redacted]');
  const question = url.indexOf('?');
  if (question === -1) return url;
  const pairs = url.slice(question + 1).split('&');
  return `${url.slice(0, question)}?${pairs.map(redactPair).join('&')}`;
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
