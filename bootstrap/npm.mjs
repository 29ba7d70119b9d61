import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { BootstrapFailure } from './failure.mjs';

/** Settings of an outer npm command that would change what an inner install does. */
const INHERITED =
  /^npm_config_(local_prefix|prefix|global|location|workspaces?|include_workspace_root|omit|include|only|production|dev|dry_run|package_lock|package_lock_only|save.*|lockfile_version|json|silent|loglevel)$/i;
const TAIL_BYTES = 64 * 1024;

/** Path of npm's JavaScript entry: the running npm's, else the one beside this node, else the one on PATH; undefined when there is none. */
export function findNpm(env = process.env) {
  const nodeDir = dirname(process.execPath);
  const candidates = [
    env.npm_execpath && /\.c?js$/.test(env.npm_execpath) ? env.npm_execpath : undefined,
    join(nodeDir, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(nodeDir, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    ...pathOf(env)
      .split(delimiter)
      .filter(Boolean)
      .flatMap((folder) => [join(folder, 'npm'), join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js')]),
  ];
  for (const candidate of candidates) {
    if (candidate === undefined || !existsSync(candidate)) continue;
    const real = realpathSync(candidate);
    if (/\.c?js$/.test(real)) return real;
  }
  return undefined;
}

export function pathOf(env) {
  return env[Object.keys(env).find((name) => name.toLowerCase() === 'path') ?? 'PATH'] ?? '';
}

/** Runs npm quietly with the given node; rejects with a BootstrapFailure that says `purpose` and npm's own reason. */
export async function runNpm({ node, args, cwd, fallbackCache, purpose, advice }) {
  const npm = findNpm();
  if (npm === undefined) {
    throw new BootstrapFailure(
      `${purpose} needs npm, which is not on this machine; install npm or ${advice}.`,
    );
  }
  const { code, signal, tail } = await capture(node, [npm, ...args, '--no-audit', '--no-fund'], {
    cwd,
    env: installEnvironment(fallbackCache),
  });
  if (code === 0) return;
  const how = signal ? `was stopped by ${signal}` : `exited with ${code}`;
  const reason = reasonIn(tail);
  const next =
    reason.code === 'EUSAGE'
      ? 'bring package-lock.json in line with package.json (npm install), then try again'
      : `check the network, then try again or ${advice}`;
  throw new BootstrapFailure(`${purpose} failed: npm ${how}${reason.text}; ${next}.`);
}

function installEnvironment(fallbackCache) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !INHERITED.test(name)));
  delete env.NODE_ENV;
  env.npm_config_update_notifier = 'false';
  const cache = process.env.npm_config_cache ?? join(safeHome(), '.npm');
  if (!isWritable(cache)) env.npm_config_cache = fallbackCache;
  return env;
}

function safeHome() {
  try {
    return homedir();
  } catch {
    return '';
  }
}

function isWritable(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Everything npm says is held back; only its end is kept, for the reason of a failure. */
function capture(command, args, options) {
  return new Promise((resolve) => {
    let tail = '';
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk) => {
      tail = (tail + chunk).slice(-TAIL_BYTES);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const stop = () => child.kill('SIGTERM');
    process.on('exit', stop);
    const done = (result) => {
      process.off('exit', stop);
      resolve({ ...result, tail });
    };
    child.on('error', (error) => done({ code: error.code, signal: null }));
    child.on('close', (code, signal) => done({ code, signal }));
  });
}

/** npm's error code, and its first lines as far as they say what is wrong. */
function reasonIn(tail) {
  const lines = tail
    .split('\n')
    .filter((line) => /^npm (error|ERR!)/.test(line))
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim());
  const code = lines.find((line) => line.startsWith('code '))?.slice(5);
  const told = lines.filter(
    (line) => line !== '' && !/^(code|errno|syscall|path|A complete)\b|^[/`]/.test(line),
  );
  const text = [code, told[0]?.replace(/[.;]+$/, '')].filter(Boolean).join(', ');
  return { code, text: text === '' ? '' : ` (${text})` };
}
