import type { Sessions } from './accounts/sessions.ts';
import type { PeerGate } from './cluster/peer-gate.ts';
import type { PeerRequest } from './cluster/peer-signature.ts';
import { OsproxyError } from './errors.ts';
import type { Links } from './links.ts';
import type { AnonymousPrincipal, Principal } from './model/principal.ts';
import type { ServiceKeys } from './service-keys.ts';

/** What a request showed; front ends find it in their own places. */
export interface Credentials {
  /** A service key, or the access token of a person. */
  readonly apiKey?: string;
  readonly linkToken?: string;
  /** Only on calls that are for other nodes; then nothing else counts. */
  readonly peer?: PeerRequest & { readonly header: string };
}

export interface Authenticator {
  /** `from` is the address of whoever shows them. Throws Unauthenticated for a wrong, expired or revoked key or access token and Expired for a link that is over; anonymous when nothing was shown. */
  authenticate(credentials: Credentials, from?: string): Promise<Principal>;
}

const ANONYMOUS: AnonymousPrincipal = { kind: 'anonymous' };

/** What a JSON Web Token looks like. */
const ACCESS_TOKEN = /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/;

export interface Gates {
  readonly keys: ServiceKeys;
  readonly links: Links;
  readonly sessions: Pick<Sessions, 'authenticate'>;
  /** undefined where the node has no cluster secret. */
  readonly peers?: PeerGate | undefined;
}

/** A key or an access token counts before a link where both are shown. */
export function createAuthenticator({ keys, links, sessions, peers }: Gates): Authenticator {
  return {
    authenticate: async ({ apiKey, linkToken, peer }, from) => {
      if (peer !== undefined) {
        if (peers !== undefined) return peers.admit(peer.header, peer);
        throw new OsproxyError(
          'Unauthenticated',
          'This node has no cluster secret; set OSPROXY_CLUSTER_SECRET.',
        );
      }
      if (apiKey !== undefined) {
        const isToken = ACCESS_TOKEN.test(apiKey) && !keys.isConfigured(apiKey);
        return isToken ? sessions.authenticate(apiKey) : keys.authenticate(apiKey, from);
      }
      if (linkToken !== undefined) return links.authenticate(linkToken);
      return ANONYMOUS;
    },
  };
}
