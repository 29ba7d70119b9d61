import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PACKAGES = { nginx: 'nginx-light', wrk: 'wrk', curl: 'curl', dd: 'coreutils' } as const;
const NO_SERVICES = '/usr/sbin/policy-rc.d';

export type Tool = keyof typeof PACKAGES;

/** A program the benchmark needs is not here and could not be installed. */
export class MissingTool extends Error {}

/** The paths of these programs; root on Debian gets what is missing from its packages, others are told what to install. */
export function findTools<T extends Tool>(...tools: T[]): Record<T, string> {
  const missing = tools.filter((tool) => which(tool) === undefined);
  if (missing.length > 0) install(missing);
  const found = tools.map((tool) => {
    const path = which(tool);
    if (path === undefined) throw new MissingTool(`${tool} is needed; install ${PACKAGES[tool]}.`);
    return [tool, path];
  });
  return Object.fromEntries(found) as Record<T, string>;
}

function which(tool: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, tool)).find((path) => existsSync(path));
}

function install(tools: readonly Tool[]): void {
  const packages = tools.map((tool) => PACKAGES[tool]);
  const installer = which('apt-get');
  if (process.getuid?.() !== 0 || installer === undefined) {
    throw new MissingTool(`${tools.join(', ')} needed; as root: apt-get install ${packages.join(' ')}`);
  }
  console.log(`installing ${packages.join(', ')} …`);
  // A package must not start its own service; the policy is taken away again where it was not there.
  const guarded = existsSync(NO_SERVICES);
  if (!guarded) writeFileSync(NO_SERVICES, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const args = ['install', '-y', '-q', '--no-install-recommends', ...packages];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const { status, stderr } = spawnSync(installer, args, { env, encoding: 'utf8' });
    if (status !== 0) throw new MissingTool(`apt-get install ${packages.join(' ')} failed: ${stderr.trim()}`);
  } finally {
    if (!guarded) rmSync(NO_SERVICES, { force: true });
  }
}
