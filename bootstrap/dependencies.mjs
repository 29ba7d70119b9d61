import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapFailure, say } from './failure.mjs';
import { withLock } from './lock.mjs';
import { runNpm } from './npm.mjs';

const STAMP = join('node_modules', '.osproxy-install.json');
const MANIFEST_FIELDS = [
  'workspaces',
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'overrides',
];

/** Makes node_modules match the lockfile; `production` leaves out development packages, and a full install serves both. */
export async function provideDependencies(root, node, { production }) {
  const wanted = fingerprint(root);
  if (isInstalled(root, wanted, production)) return;
  await withLock(
    join(root, '.toolchain', 'install.lock'),
    async () => {
      if (isInstalled(root, wanted, production)) return;
      say(`installing dependencies${production ? '' : ' with development tools'} (only when they change) …`);
      await runNpm({
        node,
        args: ['ci', ...(production ? ['--omit=dev'] : ['--include=dev'])],
        cwd: root,
        fallbackCache: join(root, '.toolchain', 'npm-cache'),
        purpose: 'installing the dependencies from the npm registry',
        advice: 'run "npm ci" yourself',
      });
      writeStamp(root, wanted, production);
    },
    () => say('waiting for another installation to finish …'),
  );
}

/** Changes when the lockfile or what a workspace asks for changes; scripts and descriptions do not count. */
function fingerprint(root) {
  const hash = createHash('sha256').update(read(root, 'package-lock.json'));
  const rootManifest = JSON.parse(read(root, 'package.json'));
  const folders = ['', ...(rootManifest.workspaces ?? [])];
  for (const folder of folders) {
    const manifest = JSON.parse(read(root, join(folder, 'package.json')));
    hash.update(JSON.stringify([folder, MANIFEST_FIELDS.map((field) => manifest[field] ?? null)]));
  }
  return hash.digest('hex');
}

function read(root, name) {
  try {
    return readFileSync(join(root, name), 'utf8');
  } catch (error) {
    throw new BootstrapFailure(
      `${join(root, name)} cannot be read (${error.code}); check out the repository again.`,
    );
  }
}

function isInstalled(root, wanted, production) {
  const stamp = readJson(join(root, STAMP));
  if (stamp?.hash === wanted && (production || stamp.mode === 'full')) return true;
  return matchesLockfile(root, production) && writeStamp(root, wanted, production);
}

/** True for an install somebody made with npm itself: npm records what it put there only after everything is there. */
function matchesLockfile(root, production) {
  const there = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (there === undefined) return false;
  const { packages } = JSON.parse(read(root, 'package-lock.json'));
  return Object.entries(packages).every(([path, entry]) => {
    if (path === '' || entry.optional || (production && entry.dev) || entry.devOptional) return true;
    const found = there[path];
    return found !== undefined && found.version === entry.version && found.integrity === entry.integrity;
  });
}

function writeStamp(root, hash, production) {
  try {
    mkdirSync(join(root, 'node_modules'), { recursive: true });
    writeFileSync(
      join(root, STAMP),
      `${JSON.stringify({ hash, mode: production ? 'production' : 'full' })}\n`,
    );
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM'].includes(error.code)) throw error;
  }
  return true;
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
