import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface SignedParts {
  readonly method: string;
  /** As it stands in the request line, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** The headers of a request with a signature of version 4 for S3; the body is left out of it. */
export function signed(parts: SignedParts, key: SigningKey, region: string): Record<string, string> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const headers: IncomingHttpHeaders = {
    ...parts.headers,
    'x-amz-date': time,
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
  };
  const names = Object.keys(headers)
    .filter((name) => name === 'host' || name.startsWith('x-amz-'))
    .sort();
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const signature = signatureOf({ ...parts, headers }, names, 'UNSIGNED-PAYLOAD', time, scope, key);
  const authorization = `${ALGORITHM} Credential=${key.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { ...(headers as Record<string, string>), authorization };
}

/** The code that S3 answers a request with whose signature is wrong; undefined for a right one, in the header or in the query. */
export function signatureFault(parts: SignedParts, key: SigningKey): string | undefined {
  const query = new URLSearchParams(parts.query);
  const inQuery = query.get('X-Amz-Signature');
  const fields = inQuery === null ? fromHeader(parts.headers) : fromQuery(query);
  if (fields === undefined) return 'AccessDenied';
  const [id, ...scope] = fields.credential.split('/');
  if (id !== key.accessKeyId) return 'InvalidAccessKeyId';
  query.delete('X-Amz-Signature');
  const names = fields.signedHeaders.split(';');
  const expected = signatureOf({ ...parts, query }, names, fields.payload, fields.time, scope.join('/'), key);
  return expected === fields.signature ? undefined : 'SignatureDoesNotMatch';
}

interface Fields {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly time: string;
  readonly payload: string;
}

function fromHeader(headers: IncomingHttpHeaders): Fields | undefined {
  const pattern = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/;
  const [, credential, signedHeaders, signature] = pattern.exec(headers.authorization ?? '') ?? [];
  if (credential === undefined || signedHeaders === undefined || signature === undefined) return undefined;
  const time = String(headers['x-amz-date']);
  return { credential, signedHeaders, signature, time, payload: String(headers['x-amz-content-sha256']) };
}

function fromQuery(query: URLSearchParams): Fields {
  const value = (name: string): string => query.get(name) ?? '';
  return {
    credential: value('X-Amz-Credential'),
    signedHeaders: value('X-Amz-SignedHeaders'),
    signature: value('X-Amz-Signature'),
    time: value('X-Amz-Date'),
    payload: query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
  };
}

function signatureOf(
  parts: SignedParts,
  names: readonly string[],
  payload: string,
  time: string,
  scope: string,
  key: SigningKey,
): string {
  const query = [...parts.query]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const headers = names.map((name) => `${name}:${String(parts.headers[name] ?? '').trim()}\n`).join('');
  const canonical = [parts.method, parts.path, query, headers, names.join(';'), payload].join('\n');
  const digest = createHash('sha256').update(canonical).digest('hex');
  const text = [ALGORITHM, time, scope, digest].join('\n');
  let secret: Buffer | string = `AWS4${key.secretAccessKey}`;
  for (const step of scope.split('/')) secret = createHmac('sha256', secret).update(step).digest();
  return createHmac('sha256', secret).update(text).digest('hex');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
