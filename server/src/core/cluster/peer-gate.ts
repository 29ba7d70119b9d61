import type { KeyObject } from 'node:crypto';
import { OsproxyError } from '../errors.ts';
import type { PeerPrincipal } from '../model/principal.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import {
  isSignedWith,
  keyFor,
  type PeerAnswer,
  type PeerClaim,
  type PeerRequest,
  proveAnswer,
  readPeerHeader,
} from './peer-signature.ts';
import { SeenNonces } from './seen-nonces.ts';

/** A request counts when the clocks of both nodes and its way take no longer than this. */
const PEER_WINDOW_MS = 30_000;
const COMPLAIN_EVERY_MS = 10_000;

export const PEER_PURPOSE = 'peer requests 1';

type Complaint = 'signature' | 'target' | 'skew' | 'replay';

/** Lets the other nodes in: who knows the cluster secret, now, once per request, and means this node. */
export class PeerGate {
  readonly #keys: readonly KeyObject[];
  readonly #nodeId: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #seen = new SeenNonces(2 * PEER_WINDOW_MS);
  readonly #complainedAt = new Map<Complaint, number>();

  /** Every secret is accepted, so that it can be changed node by node. */
  constructor(options: { secrets: readonly string[]; nodeId: string; clock: Clock; logger: Logger }) {
    this.#keys = options.secrets.map((secret) => keyFor(secret, PEER_PURPOSE));
    this.#nodeId = options.nodeId;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Throws Unauthenticated; the log says why where the sender knows the secret. */
  admit(header: string, request: PeerRequest): PeerPrincipal {
    const claim = readPeerHeader(header);
    const key = claim && this.#keys.find((one) => isSignedWith(one, request, claim));
    if (claim === undefined || key === undefined) {
      this.#complain(
        'signature',
        {},
        'a request with a wrong peer signature was refused; is the cluster secret the same?',
      );
      throw refused('The peer signature is missing or wrong.');
    }
    this.#check(claim);
    const { from: nodeId, nonce } = claim;
    return { kind: 'peer', nodeId, prove: (answer: PeerAnswer) => proveAnswer(key, nonce, answer) };
  }

  #check({ from, to, at, nonce }: PeerClaim): void {
    if (to !== this.#nodeId) {
      this.#complain('target', { from, to }, 'a request that was meant for another node was refused');
      throw refused(`This is node ${this.#nodeId}, and the request is for ${to}.`);
    }
    const skew = (this.#clock.now() - at) / 1000;
    if (Math.abs(skew) * 1000 > PEER_WINDOW_MS) {
      const seconds = `${Math.abs(skew).toFixed(1)} seconds ${skew > 0 ? 'behind' : 'ahead of'}`;
      const most = PEER_WINDOW_MS / 1000;
      const sentence = `The clock of node ${from} is ${seconds} that of node ${this.#nodeId}; at most ${most} are allowed, set the clocks right`;
      this.#complain('skew', { from, skewSeconds: skew }, sentence);
      throw refused(`${sentence}.`);
    }
    if (this.#seen.add(nonce)) return;
    this.#complain('replay', { from }, 'a request of a peer came a second time and was refused');
    throw refused('This request was made before.');
  }

  /** Whoever can reach the port must not be able to fill the log, nor to keep another complaint out of it. */
  #complain(what: Complaint, fields: object, message: string): void {
    const now = performance.now();
    if (now - (this.#complainedAt.get(what) ?? Number.NEGATIVE_INFINITY) < COMPLAIN_EVERY_MS) return;
    this.#complainedAt.set(what, now);
    this.#logger.warn(fields, message);
  }
}

function refused(message: string): OsproxyError {
  return new OsproxyError('Unauthenticated', message);
}
