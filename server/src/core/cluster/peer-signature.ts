import {
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

/** What one request to another node says, every part of it under the signature. */
export interface PeerRequest {
  readonly method: string;
  /** Path and query exactly as they go over the wire. */
  readonly target: string;
  /** SHA-256 of the body, lower-case hex. */
  readonly bodySha256: string;
}

/** The Authorization header of a request between nodes, taken apart. */
export interface PeerClaim {
  readonly from: string;
  readonly to: string;
  /** Milliseconds since the epoch by the clock of the sender. */
  readonly at: number;
  readonly nonce: string;
  readonly mac: string;
}

/** What an answer proves, so that nobody but a node of the cluster can say that bytes are gone. */
export interface PeerAnswer {
  readonly status: number;
  /** Error code; empty where all is well. */
  readonly code: string;
  /** Bytes of the whole object, where there is one. */
  readonly size: number | undefined;
}

const PEER_SCHEME = 'Osproxy-Peer';
export const PROOF_HEADER = 'x-osproxy-peer-proof';
export const CODE_HEADER = 'x-osproxy-peer-code';
export const SIZE_HEADER = 'x-osproxy-object-size';
export const MODIFIED_HEADER = 'x-osproxy-object-modified';
export const EMPTY_SHA256 = createHash('sha256').digest('hex');

const NODE = '[A-Za-z0-9][A-Za-z0-9._-]{0,62}';
const HEADER = new RegExp(
  `^${PEER_SCHEME} v=1, from=(${NODE}), to=(${NODE}), at=(\\d{1,15}), nonce=([A-Za-z0-9_-]{22}), mac=([0-9a-f]{64})$`,
);

/** One key per purpose, so that what is signed for one is worth nothing for another. */
export function keyFor(secret: string, purpose: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', secret, 'osproxy cluster', purpose, 32)));
}

/** The header for a request that is sent now, once; each needs its own. */
export function signPeerRequest(
  key: KeyObject,
  request: PeerRequest,
  { from, to, at }: Pick<PeerClaim, 'from' | 'to' | 'at'>,
): { readonly header: string; readonly nonce: string } {
  const nonce = randomBytes(16).toString('base64url');
  const mac = macOf(key, request, { from, to, at, nonce });
  const header = `${PEER_SCHEME} v=1, from=${from}, to=${to}, at=${at}, nonce=${nonce}, mac=${mac}`;
  return { header, nonce };
}

/** Undefined for anything that is not such a header. */
export function readPeerHeader(header: string): PeerClaim | undefined {
  const [, from, to, at, nonce, mac] = HEADER.exec(header) ?? [];
  if (from === undefined || to === undefined || nonce === undefined || mac === undefined) return undefined;
  return { from, to, at: Number(at), nonce, mac };
}

/** Constant time in the signature. */
export function isSignedWith(key: KeyObject, request: PeerRequest, claim: PeerClaim): boolean {
  return equal(macOf(key, request, claim), claim.mac);
}

export function proveAnswer(key: KeyObject, nonce: string, { status, code, size }: PeerAnswer): string {
  return hmac(key, ['osproxy peer answer 1', nonce, String(status), code, String(size ?? '')]);
}

export function isProven(key: KeyObject, nonce: string, answer: PeerAnswer, proof: string): boolean {
  return equal(proveAnswer(key, nonce, answer), proof);
}

function macOf(key: KeyObject, request: PeerRequest, claim: Omit<PeerClaim, 'mac'>): string {
  const { method, target, bodySha256 } = request;
  const { from, to, at, nonce } = claim;
  return hmac(key, ['osproxy peer request 1', method, target, String(at), nonce, from, to, bodySha256]);
}

/** No field can hold a line feed, so no two lists sign the same bytes. */
function hmac(key: KeyObject, fields: readonly string[]): string {
  return createHmac('sha256', key).update(fields.join('\n')).digest('hex');
}

function equal(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
