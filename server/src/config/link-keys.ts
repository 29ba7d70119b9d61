import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { keepOnce } from './data-dir.ts';

export interface LinkKeyConfig {
  readonly id: string;
  readonly secret: string;
}

/** The configured link keys, or one that is made on the first call and kept in the data folder (mode 0600). */
export function linkKeysOf(config: Config): readonly LinkKeyConfig[] {
  if (config.links.keys !== undefined) return config.links.keys;
  const path = join(config.dataDir, 'link-key');
  const secret = keepOnce(config, path, 'link key', /^[A-Za-z0-9_-]{43}$/, () =>
    randomBytes(32).toString('base64url'),
  );
  return [{ id: 'k1', secret }];
}
