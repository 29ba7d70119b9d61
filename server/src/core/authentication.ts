import type { PeerGate } from './cluster/peer-gate.ts';
import type { PeerRequest } from './cluster/peer-signature.ts';
import { OsproxyError } from './errors.ts';
import type { Links } from './links.ts';
import type { AnonymousPrincipal, Principal } from './model/principal.ts';
import type { ServiceKeys } from './service-keys.ts';

/** What a request showed; front ends find it in their own places. */
export interface Credentials {
  readonly apiKey?: string;
  readonly linkToken?: string;
  /** Only on calls that are for other nodes; then nothing else counts. */
  readonly peer?: PeerRequest & { readonly header: string };
}

export interface Authenticator {
  /** Throws Unauthenticated for a wrong, expired or revoked key and Expired for a link that is over; anonymous when nothing was shown. */
  authenticate(credentials: Credentials): Promise<Principal>;
}

const ANONYMOUS: AnonymousPrincipal = { kind: 'anonymous' };

/** A key counts before a link where both are shown. */
export function createAuthenticator(keys: ServiceKeys, links: Links, peers?: PeerGate): Authenticator {
  return {
    authenticate: async ({ apiKey, linkToken, peer }) => {
      if (peer !== undefined) {
        if (peers !== undefined) return peers.admit(peer.header, peer);
        throw new OsproxyError(
          'Unauthenticated',
          'This node has no cluster secret; set OSPROXY_CLUSTER_SECRET.',
        );
      }
      if (apiKey !== undefined) return keys.authenticate(apiKey);
      if (linkToken !== undefined) return links.authenticate(linkToken);
      return ANONYMOUS;
    },
  };
}
