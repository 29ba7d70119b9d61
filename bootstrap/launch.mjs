import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { BootstrapFailure } from './failure.mjs';
import { findNpm, pathOf } from './npm.mjs';

const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** Runs the target under `node` with this terminal; never resolves: this process ends as the target ended. */
export function launch(root, node, args) {
  const child = spawn(node, args, { stdio: 'inherit', env: environment(root, node) });
  const forward = (signal) => child.kill(signal);
  for (const signal of FORWARDED) process.on(signal, forward);
  return new Promise((_, reject) => {
    child.on('error', (error) => {
      reject(new BootstrapFailure(`${node} cannot be started (${error.code ?? error.message}).`));
    });
    child.on('exit', (code, signal) => {
      for (const name of FORWARDED) process.off(name, forward);
      if (signal === null) process.exit(code ?? 1);
      process.kill(process.pid, signal);
      setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 100);
    });
  });
}

function environment(root, node) {
  const env = { ...process.env };
  const pathName = Object.keys(env).find((name) => name.toLowerCase() === 'path') ?? 'PATH';
  const shims = node === process.execPath ? undefined : writeShims(root, node);
  env[pathName] = [shims, dirname(node), pathOf(env)].filter(Boolean).join(delimiter);
  env.npm_node_execpath = node;
  env.NODE = node;
  env.UV_THREADPOOL_SIZE ||= '16';
  env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'compile');
  return env;
}

/** npm and npx that always run under the chosen node, whatever their own first line says; undefined where they cannot be written. */
function writeShims(root, node) {
  const npm = findNpm();
  if (npm === undefined) return undefined;
  const folder = join(root, '.toolchain', 'bin');
  const windows = process.platform === 'win32';
  try {
    mkdirSync(folder, { recursive: true });
    for (const name of ['npm', 'npx']) {
      const script = join(dirname(npm), `${name}-cli.js`);
      const text = windows
        ? `@"${node}" "${script}" %*\r\n`
        : `#!/bin/sh\nexec ${quote(node)} ${quote(script)} "$@"\n`;
      writeWhenDifferent(join(folder, windows ? `${name}.cmd` : name), text);
    }
    return folder;
  } catch {
    return undefined;
  }
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function writeWhenDifferent(path, text) {
  try {
    if (readFileSync(path, 'utf8') === text) return;
  } catch {
    // Not there yet: written below.
  }
  writeFileSync(path, text, { mode: 0o755 });
  chmodSync(path, 0o755);
}
