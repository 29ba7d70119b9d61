import { execFile } from 'node:child_process';
import { access, chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LOCK = '/tmp/osproxy-test-packages.lock';
const LOCK_WITHIN_MS = 600_000;
const GUARD = '/usr/sbin/policy-rc.d';

/** What a suite needs that the machine may lack: a command to look for and the Debian packages that bring it. */
export interface Requirement {
  /** Absolute path, or a name on PATH. */
  readonly command: string;
  readonly packages: readonly string[];
}

/**
 * Makes sure that the commands are here; installs their Debian packages when this is root on a machine with apt-get. Resolves to the reason
 * why it is not possible, or to undefined when everything is here. Safe when several test processes ask at once.
 */
export async function ensurePackages(requirements: readonly Requirement[]): Promise<string | undefined> {
  const missing = await absent(requirements);
  if (missing.length === 0) return undefined;
  const names = missing.map(({ command }) => command).join(', ');
  if (process.getuid?.() !== 0) return `${names} is missing, and only root can install it`;
  if (!(await isHere('apt-get'))) return `${names} is missing, and there is no apt-get to install it`;
  return locked(async () => {
    const still = await absent(requirements);
    if (still.length > 0) await install(still.flatMap(({ packages }) => packages));
    const left = await absent(requirements);
    return left.length === 0 ? undefined : `${names} is missing even after its packages were installed`;
  });
}

async function absent(requirements: readonly Requirement[]): Promise<Requirement[]> {
  const here = await Promise.all(requirements.map(({ command }) => isHere(command)));
  return requirements.filter((_requirement, index) => here[index] === false);
}

async function isHere(command: string): Promise<boolean> {
  return run('sh', ['-c', `command -v ${command}`]).then(
    () => true,
    () => false,
  );
}

/** No package starts a service of its own: the tests start what they need. */
async function install(packages: readonly string[]): Promise<void> {
  const guarded = await access(GUARD).then(
    () => true,
    () => false,
  );
  if (!guarded) {
    await writeFile(GUARD, '#!/bin/sh\nexit 101\n');
    await chmod(GUARD, 0o755);
  }
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 64 * 1024 * 1024 };
  const args = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  try {
    await run('apt-get', args, options).catch(async () => {
      await run('apt-get', ['update', '-q'], options);
      await run('apt-get', args, options);
    });
  } finally {
    if (!guarded) await rm(GUARD, { force: true });
  }
}

/** apt-get takes one caller at a time; a lock older than its time belongs to nobody. */
async function locked<T>(work: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + LOCK_WITHIN_MS; ; ) {
    try {
      await mkdir(LOCK);
      break;
    } catch {
      if (Date.now() > deadline) await rm(LOCK, { recursive: true, force: true });
      await sleep(250);
    }
  }
  try {
    return await work();
  } finally {
    await rm(LOCK, { recursive: true, force: true });
  }
}
