import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { keepOnce, readKept } from './data-dir.ts';

export interface LinkKeyConfig {
  readonly id: string;
  readonly secret: string;
}

const OWN_KEY = /^[A-Za-z0-9_-]{43}$/;

/**
 * The configured link keys. Without them those that every node of a cluster derives from its secrets, the current one first, and a key that was
 * made before the node had a secret, so that older links stay good. Without a cluster one that is made on the first call and kept in the data folder (mode 0600).
 */
export function linkKeysOf(config: Config): readonly LinkKeyConfig[] {
  if (config.links.keys !== undefined) return config.links.keys;
  const path = join(config.dataDir, 'link-key');
  const { secret, formerSecrets } = config.cluster;
  if (secret !== undefined) {
    const before = readKept(path, 'link key', OWN_KEY);
    return [
      ...[secret, ...formerSecrets].map(derived),
      ...(before === undefined ? [] : [{ id: 'k1', secret: before }]),
    ];
  }
  const kept = keepOnce(config, path, 'link key', OWN_KEY, () => randomBytes(32).toString('base64url'));
  return [{ id: 'k1', secret: kept }];
}

/** The id tells the keys of different secrets apart and nothing about them: it is a digest of what was derived. */
function derived(secret: string): LinkKeyConfig {
  const key = Buffer.from(hkdfSync('sha256', secret, 'osproxy cluster', 'links 1', 32));
  const id = `c${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
  return { id, secret: key.toString('base64url') };
}
