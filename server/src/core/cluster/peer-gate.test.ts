import { describe, expect, it } from 'vitest';
import { OsproxyError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { PEER_PURPOSE, PeerGate } from './peer-gate.ts';
import { EMPTY_SHA256, isProven, keyFor, type PeerRequest, signPeerRequest } from './peer-signature.ts';

const SECRET = 'the secret of a cluster, 32 characters';
const FORMER = 'the former secret of the same cluster..';
const request: PeerRequest = {
  method: 'GET',
  target: '/api/peer/v1/objects/local/ab/cd/0123?offset=0&length=5',
  bodySha256: EMPTY_SHA256,
};

function gate(secrets = [SECRET], now = () => 1_000_000) {
  const warnings: string[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (_fields, message) => void warnings.push(message),
    error() {},
    child: () => logger,
  };
  return { gate: new PeerGate({ secrets, nodeId: 'n2', clock: { now }, logger }), warnings };
}

function sign(changes: { secret?: string; to?: string; at?: number } = {}) {
  const { secret = SECRET, to = 'n2', at = 1_000_000 } = changes;
  return signPeerRequest(keyFor(secret, PEER_PURPOSE), request, { from: 'n1', to, at });
}

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof OsproxyError && error.code === 'Unauthenticated') return error.message;
    throw error;
  }
  throw new Error('It was let in.');
};

describe('the gate for peers', () => {
  it('lets a signed request in once, and answers with a proof', () => {
    const { gate: one, warnings } = gate();
    const { header, nonce } = sign();
    const principal = one.admit(header, request);
    expect(principal.nodeId).toBe('n1');
    const answer = { status: 200, code: '', size: 5 };
    const key = keyFor(SECRET, PEER_PURPOSE);
    expect(isProven(key, nonce, answer, principal.prove(answer))).toBe(true);
    expect(isProven(key, nonce, { ...answer, status: 404, code: 'NotFound' }, principal.prove(answer))).toBe(
      false,
    );
    expect(isProven(key, `${nonce.slice(1)}A`, answer, principal.prove(answer))).toBe(false);
    expect(refusal(() => one.admit(header, request))).toBe('This request was made before.');
    expect(warnings).toEqual(['a request of a peer came a second time and was refused']);
  });

  it.each<[string, Partial<PeerRequest>]>([
    ['method', { method: 'DELETE' }],
    ['path', { target: request.target.replace('ab/cd', 'ab/ce') }],
    ['query', { target: request.target.replace('length=5', 'length=6') }],
    ['body', { bodySha256: 'a'.repeat(64) }],
  ])('refuses another %s', (_what, change) => {
    const message = refusal(() => gate().gate.admit(sign().header, { ...request, ...change }));
    expect(message).toBe('The peer signature is missing or wrong.');
  });

  it.each([
    ['from=n1', 'from=n3'],
    ['to=n2', 'to=n3'],
    ['at=1000000', 'at=1000001'],
    ['nonce=', 'nonce=A'],
    ['v=1', 'v=2'],
    ['Osproxy-Peer', 'Bearer'],
  ])('refuses a header with %s made %s', (from, to) => {
    const header = sign().header.replace(from, to);
    expect(refusal(() => gate().gate.admit(header, request))).toBe('The peer signature is missing or wrong.');
  });

  it('refuses a signature with another secret, or with a piece of it', () => {
    const foreign = sign({ secret: 'another secret that nobody here knows' }).header;
    const { header } = sign();
    for (const wrong of [foreign, header.slice(0, -1), `${header}0`, '', 'x'.repeat(10_000)])
      expect(refusal(() => gate().gate.admit(wrong, request))).toBe(
        'The peer signature is missing or wrong.',
      );
  });

  it('refuses what is meant for another node, and says so in the log', () => {
    const { gate: one, warnings } = gate();
    expect(refusal(() => one.admit(sign({ to: 'n9' }).header, request))).toContain('is for n9');
    expect(warnings).toEqual(['a request that was meant for another node was refused']);
  });

  it('names the skew of clocks that differ too much', () => {
    const { gate: one, warnings } = gate();
    expect(refusal(() => one.admit(sign({ at: 1_000_000 - 95_000 }).header, request))).toContain(
      'The clock of node n1 is 95.0 seconds behind that of node n2; at most 30 are allowed',
    );
    expect(warnings[0]).toContain('95.0 seconds behind');
    expect(refusal(() => one.admit(sign({ at: 1_000_000 + 31_000 }).header, request))).toContain('ahead of');
    expect(one.admit(sign({ at: 1_000_000 - 29_000 }).header, request).nodeId).toBe('n1');
  });

  it('accepts former secrets, so that a secret can be changed node by node', () => {
    const { gate: one } = gate([SECRET, FORMER]);
    expect(one.admit(sign({ secret: FORMER }).header, request).nodeId).toBe('n1');
    expect(one.admit(sign().header, request).nodeId).toBe('n1');
  });
});
