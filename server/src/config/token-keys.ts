import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { keepOnce, readKept } from './data-dir.ts';

export interface TokenKeyConfig {
  readonly id: string;
  /** 32 secret bytes. */
  readonly seed: Buffer;
}

const OWN_KEY = /^[A-Za-z0-9_-]{43}$/;

/**
 * The configured keys of access tokens, the first one signing. Without them those that every node of a cluster derives from its secrets, the current one
 * first, and a key that was made before the node had a secret. Without a cluster one that is made on the first call and kept in the data folder (mode 0600).
 */
export function tokenKeysOf(config: Config): readonly TokenKeyConfig[] {
  const { keys } = config.accounts;
  if (keys !== undefined) {
    return keys.map(({ id, secret }) => ({ id, seed: stretched(secret, `token key ${id}`) }));
  }
  const path = join(config.dataDir, 'token-key');
  const { secret, formerSecrets } = config.cluster;
  if (secret !== undefined) {
    const before = readKept(path, 'token key', OWN_KEY);
    const derived = [secret, ...formerSecrets].map((one) => named('c', stretched(one, 'access tokens 1')));
    return before === undefined ? derived : [...derived, named('k', Buffer.from(before, 'base64url'))];
  }
  const make = () => randomBytes(32).toString('base64url');
  return [named('k', Buffer.from(keepOnce(config, path, 'token key', OWN_KEY, make), 'base64url'))];
}

function stretched(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'osproxy cluster', purpose, 32));
}

/** The id tells keys apart and nothing about them: it is a digest of another derivation. */
function named(prefix: string, seed: Buffer): TokenKeyConfig {
  const digest = createHash('sha256')
    .update(stretched(seed.toString('hex'), 'key id'))
    .digest('hex');
  return { id: `${prefix}${digest.slice(0, 12)}`, seed };
}
