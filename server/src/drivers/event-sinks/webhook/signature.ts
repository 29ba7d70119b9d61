import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
/** Bytes of a secret, as the specification of Standard Webhooks asks. */
const LEAST_BYTES = 24;
const MOST_BYTES = 64;

/** The key of a secret as Standard Webhooks writes it, `whsec_` and base64; undefined when it is not one. */
export function keyOf(secret: string): Buffer | undefined {
  if (!secret.startsWith(PREFIX)) return undefined;
  const text = secret.slice(PREFIX.length);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const key = Buffer.from(text, 'base64');
  return key.byteLength >= LEAST_BYTES && key.byteLength <= MOST_BYTES ? key : undefined;
}

/** The headers of one attempt; while a secret is changed both sign, and a receiver needs to know one of them. */
export function signedHeaders(
  keys: readonly Buffer[],
  id: string,
  body: string,
  seconds: number,
): Readonly<Record<string, string>> {
  const signatures = keys.map(
    (key) => `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`,
  );
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signatures.join(' '),
  };
}
