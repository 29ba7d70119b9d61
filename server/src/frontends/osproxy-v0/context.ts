import type { FastifyContextConfig, FastifyRequest } from 'fastify';
import type { Core } from '#core/core.ts';
import { DEFAULT_OWNER } from '#core/key-rules.ts';
import type { FileContent } from '#core/model/file.ts';
import type { Principal, Scope, ServicePrincipal } from '#core/model/principal.ts';
import { SignedLinks } from './signed-links.ts';

/** What the v0 wire needs of the core. */
export type V0Core = Pick<
  Core,
  'clock' | 'files' | 'downloads' | 'instantUpload' | 'media' | 'signer' | 'uploads'
>;

export interface OsproxyV0Options {
  readonly core: V0Core;
  /** True lets everybody make links, as owner "default"; for closed networks. */
  readonly anonymous: boolean;
  /** Bytes of one part, and of a file sent in one go. */
  readonly maxPartBytes: number;
  readonly maxFileBytes: number;
  /** Milliseconds without a byte of an upload after which it is given up. */
  readonly idleTimeoutMs: number;
  readonly defaultExpireSeconds: number;
  readonly maxExpireSeconds: number;
  /** Rejects unless database and cache answer. */
  readonly ping: () => Promise<void>;
  /** True when this node can read all bytes of the content itself. */
  readonly isLocal: (content: FileContent) => boolean;
  readonly nodeAddress: () => string;
}

/** What the routes share. */
export interface V0Context extends OsproxyV0Options {
  readonly links: SignedLinks;
  /** Route configuration of calls that need a service key with this scope. */
  keyed(scope: Scope): FastifyContextConfig;
  /** On whose behalf a keyed call acts. */
  callerOf(request: FastifyRequest): Principal;
}

/** Calls that check a signature of their own, or tell nothing; keys sent along are not looked at. */
export const OPEN: FastifyContextConfig = { access: { kind: 'public' }, ignoreCredentials: true };

const EVERYBODY: ServicePrincipal = {
  kind: 'service',
  keyId: 'anonymous',
  owner: DEFAULT_OWNER,
  scopes: new Set<Scope>(['read', 'write']),
};

export function createContext(options: OsproxyV0Options): V0Context {
  const { core, anonymous } = options;
  return {
    ...options,
    links: new SignedLinks(core.signer, core.clock),
    keyed: (scope) => (anonymous ? OPEN : { access: { kind: 'service', scope } }),
    callerOf: (request) => (anonymous ? EVERYBODY : request.principal),
  };
}
