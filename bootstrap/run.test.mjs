import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NODE_VERSION } from './toolchain.mjs';

const BOOTSTRAP = import.meta.dirname;
const PACKAGE = `node-${process.platform}-${process.arch}`;

// Stands for npm: notes every call, and installs what the bootstrap looks at. Its behaviour comes from FAKE_NPM.
const FAKE_NPM = `
import { appendFileSync, chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
const args = process.argv.slice(2);
const plan = JSON.parse(process.env.FAKE_NPM ?? '{}');
appendFileSync(process.env.FAKE_NPM_CALLS, JSON.stringify({ args, node: process.env.TEST_NODE_NAME, cache: process.env.npm_config_cache, omit: process.env.npm_config_omit }) + '\\n');
console.error('npm warn something harmless');
if (plan.sleepMs) await new Promise((resolve) => setTimeout(resolve, plan.sleepMs));
if (args[0] === 'install') {
  const home = join(args[args.indexOf('--prefix') + 1], 'node_modules', '${PACKAGE}');
  mkdirSync(join(home, 'bin'), { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ version: '${NODE_VERSION}' }));
  writeFileSync(join(home, 'bin', 'node'), '#!/bin/sh\\n[ "$1" = --version ] && { echo v' + (plan.version ?? '${NODE_VERSION}') + '; exit 0; }\\nTEST_NODE_NAME=toolchain exec "${process.execPath}" "$@"\\n');
  chmodSync(join(home, 'bin', 'node'), 0o755);
} else {
  rmSync('node_modules', { recursive: true, force: true });
  mkdirSync('node_modules');
}
if (plan.fail) {
  console.error(plan.says ?? 'npm error code E404\\nnpm error 404 Not Found - GET the package.\\nnpm error A complete log of this run can be found in: x');
  process.exit(plan.fail);
}
`;

let folder = '';
let root = '';
let calls = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-bootstrap-'));
  root = join(folder, 'check out');
  calls = join(folder, 'calls.jsonl');
  cpSync(BOOTSTRAP, join(root, 'bootstrap'), { recursive: true });
  mkdirSync(join(root, 'server'));
  writeFileSync(
    join(root, 'package.json'),
    JSON.stringify({ workspaces: ['server'], type: 'module', scripts: {} }),
  );
  writeFileSync(join(root, 'server', 'package.json'), JSON.stringify({ dependencies: { a: '1.0.0' } }));
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: LOCKED }));
  writeFileSync(join(folder, 'npm-cli.mjs'), FAKE_NPM);
  writeFileSync(join(folder, 'npm-cli.js'), `import('./npm-cli.mjs');`);
  // The bootstrap asks process.versions for its own Node; this makes it an older one.
  writeFileSync(
    join(folder, 'old.cjs'),
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });`,
  );
  writeFileSync(
    join(root, 'target.mjs'),
    `console.log(JSON.stringify({ args: process.argv.slice(2), name: process.env.TEST_NODE_NAME, pool: process.env.UV_THREADPOOL_SIZE, cache: process.env.NODE_COMPILE_CACHE, path: process.env.PATH }));`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const LOCKED = {
  '': {},
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/b': { version: '2.0.0', integrity: 'sha512-b', dev: true },
  'node_modules/c': { version: '3.0.0', integrity: 'sha512-c', optional: true },
};

function environment({ plan = {}, old = false, ...extra }) {
  return {
    PATH: process.env.PATH,
    HOME: folder,
    npm_execpath: join(folder, 'npm-cli.js'),
    FAKE_NPM: JSON.stringify(plan),
    FAKE_NPM_CALLS: calls,
    TEST_NODE_NAME: 'system',
    ...(old ? { NODE_OPTIONS: `--require "${join(folder, 'old.cjs').replaceAll('\\', '\\\\')}"` } : {}),
    ...extra,
  };
}

function bootstrap(options, ...args) {
  return new Promise((resolve) => {
    const all = [join(root, 'bootstrap', 'run.mjs'), ...args];
    execFile(
      process.execPath,
      all,
      { env: environment(options), cwd: root, timeout: 25_000 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr });
      },
    );
  });
}

const npmCalls = () =>
  existsSync(calls)
    ? readFileSync(calls, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];

describe('dependencies', () => {
  it('are installed once, again when the lockfile or a manifest changes, and not when only scripts do', async () => {
    for (const expected of [1, 1]) {
      expect((await bootstrap({}, '--production', 'target.mjs')).code).toBe(0);
      expect(npmCalls()).toHaveLength(expected);
    }
    writeFileSync(
      join(root, 'server', 'package.json'),
      JSON.stringify({ dependencies: { a: '1.0.0' }, scripts: { x: 'y' } }),
    );
    await bootstrap({}, '--production', 'target.mjs');
    expect(npmCalls()).toHaveLength(1);
    writeFileSync(join(root, 'server', 'package.json'), JSON.stringify({ dependencies: { a: '1.1.0' } }));
    await bootstrap({}, '--production', 'target.mjs');
    expect(npmCalls()).toHaveLength(2);
  });

  it('for production do not satisfy development, but the other way round', async () => {
    await bootstrap({}, '--production', 'target.mjs');
    await bootstrap({ npm_config_omit: 'dev', NODE_ENV: 'production' }, 'target.mjs');
    await bootstrap({}, '--production', 'target.mjs');
    expect(npmCalls().map((call) => call.args.slice(0, 2))).toEqual([
      ['ci', '--omit=dev'],
      ['ci', '--include=dev'],
    ]);
    expect(npmCalls()[1]).not.toHaveProperty('omit');
  });

  it('installed by npm itself are taken as they are', async () => {
    mkdirSync(join(root, 'node_modules'));
    const there = join(root, 'node_modules', '.package-lock.json');
    writeFileSync(there, JSON.stringify({ packages: { 'node_modules/a': LOCKED['node_modules/a'] } }));
    expect((await bootstrap({}, '--production', 'target.mjs')).code).toBe(0);
    expect(npmCalls()).toEqual([]);
    await bootstrap({}, 'target.mjs');
    expect(npmCalls()).toHaveLength(1);
  });

  it('that cannot be installed give one sentence, exit code 1, and another attempt next time', async () => {
    const failed = await bootstrap({ plan: { fail: 1 } }, '--production', 'target.mjs');
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr.trim().split('\n').at(-1)).toBe(
      'osproxy: installing the dependencies from the npm registry failed: npm exited with 1 (E404, 404 Not Found - GET the package); check the network, then try again or run "npm ci" yourself.',
    );
    expect((await bootstrap({}, '--production', 'target.mjs')).code).toBe(0);
    expect(npmCalls()).toHaveLength(2);
  });

  it('that the lockfile does not describe are told as that, not as a fault of the network', async () => {
    const says =
      'npm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install …\nnpm error\nnpm error Missing: x@1.0.0 from lock file';
    expect(
      (await bootstrap({ plan: { fail: 1, says } }, '--production', 'target.mjs')).stderr
        .trim()
        .split('\n')
        .at(-1),
    ).toBe(
      'osproxy: installing the dependencies from the npm registry failed: npm exited with 1 (EUSAGE, Missing: x@1.0.0 from lock file); bring package-lock.json in line with package.json (npm install), then try again.',
    );
  });

  it('are installed by one of several that start at once', async () => {
    const runs = Array.from({ length: 4 }, () =>
      bootstrap({ plan: { sleepMs: 500 } }, '--production', 'target.mjs'),
    );
    expect((await Promise.all(runs)).map((run) => run.code)).toEqual([0, 0, 0, 0]);
    expect(npmCalls()).toHaveLength(1);
    expect(existsSync(join(root, '.toolchain', 'install.lock'))).toBe(false);
  });

  it.each([
    ['a dead process', { pid: 2 ** 22 + 1, host: hostname() }, 0],
    ['a silent process of another machine', { pid: process.pid, host: 'elsewhere' }, 60],
  ])('are not blocked by a lock of %s', async (_name, owner, ageSeconds) => {
    const lock = join(root, '.toolchain', 'install.lock');
    mkdirSync(lock, { recursive: true });
    writeFileSync(join(lock, 'owner.json'), JSON.stringify(owner));
    const then = new Date(Date.now() - ageSeconds * 1000);
    utimesSync(lock, then, then);
    expect((await bootstrap({}, '--production', 'target.mjs')).code).toBe(0);
  });

  it('use a cache inside the checkout when that of npm cannot be written', async () => {
    writeFileSync(join(folder, 'plain'), '');
    await bootstrap({ npm_config_cache: join(folder, 'plain', 'cache') }, '--production', 'target.mjs');
    expect(npmCalls()[0].cache).toBe(join(root, '.toolchain', 'npm-cache'));
    rmSync(join(root, 'node_modules'), { recursive: true });
    expect((await bootstrap({ HOME: '' }, '--production', 'target.mjs')).code).toBe(0);
  });
});

describe.runIf(process.platform !== 'win32')('Node', () => {
  const toolchain = () => join(root, '.toolchain', 'node', 'node_modules', PACKAGE);

  it('is taken from the registry once when this one is too old, and runs the target', async () => {
    const first = await bootstrap({ old: true }, '--production', 'target.mjs', 'a', 'b c');
    expect(first.code).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({ name: 'toolchain', args: ['a', 'b c'], pool: '16' });
    await bootstrap({ old: true }, '--production', 'target.mjs');
    const made = npmCalls();
    expect(made.map((call) => call.args[0])).toEqual(['install', 'ci']);
    expect(made[0].args).toEqual(
      expect.arrayContaining([`${PACKAGE}@${NODE_VERSION}`, '--no-save', '--no-package-lock']),
    );
    expect(made.map((call) => call.node)).toEqual(['system', 'toolchain']);
    expect(readdirSync(join(root, '.toolchain')).sort()).toEqual(['bin', 'node']);
  });

  it('comes first on PATH, with npm and npx that run under it', async () => {
    const { stdout } = await bootstrap({ old: true }, '--production', 'target.mjs');
    const { path } = JSON.parse(stdout);
    const [shims, nodeDir] = path.split(':');
    expect(nodeDir).toBe(join(toolchain(), 'bin'));
    expect(readFileSync(join(shims, 'npm'), 'utf8')).toContain(join(toolchain(), 'bin', 'node'));
    expect(existsSync(join(shims, 'npx'))).toBe(true);
  });

  it('of this process is used when it is new enough', async () => {
    const { stdout } = await bootstrap({}, '--production', 'target.mjs');
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'system',
      cache: join(root, 'node_modules', '.cache', 'compile'),
    });
    expect(JSON.parse(stdout).path.split(':')[0]).toBe(dirname(process.execPath));
  });

  it('that is half installed, of another version or does not run is never used', async () => {
    mkdirSync(join(toolchain(), 'bin'), { recursive: true });
    writeFileSync(join(toolchain(), 'bin', 'node'), '#!/bin/sh\nexit 9\n');
    chmodSync(join(toolchain(), 'bin', 'node'), 0o755);
    const broken = await bootstrap({ old: true, plan: { version: '1.2.3' } }, '--production', 'target.mjs');
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain(
      `osproxy: the Node ${NODE_VERSION} from the npm registry does not run on this machine; install Node 24 yourself.`,
    );
    const failed = await bootstrap({ old: true, plan: { fail: 3 } }, '--production', 'target.mjs');
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toContain(
      `osproxy: installing Node ${NODE_VERSION} from the npm registry failed: npm exited with 3 (E404,`,
    );
    expect(existsSync(join(toolchain(), 'package.json'))).toBe(false);
    expect((await bootstrap({ old: true }, '--production', 'target.mjs')).code).toBe(0);
  });
});

describe.runIf(process.platform !== 'win32')('the target', () => {
  it('gives its exit code', async () => {
    writeFileSync(join(root, 'target.mjs'), 'process.exit(7)');
    expect((await bootstrap({}, '--production', 'target.mjs')).code).toBe(7);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'])('gets %s', async (signal) => {
    writeFileSync(
      join(root, 'target.mjs'),
      `process.on('${signal}', () => { console.log('got it'); process.exit(5); }); console.log('ready'); setInterval(() => {}, 1000);`,
    );
    const child = spawn(
      process.execPath,
      [join(root, 'bootstrap', 'run.mjs'), '--production', 'target.mjs'],
      { env: environment({}) },
    );
    const ended = once(child, 'close');
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output === 'ready\n') child.kill(signal);
    });
    expect((await ended)[0]).toBe(5);
    expect(output).toBe('ready\ngot it\n');
  });

  it('that dies of a signal passes it on', async () => {
    writeFileSync(
      join(root, 'target.mjs'),
      `process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);`,
    );
    expect((await bootstrap({}, '--production', 'target.mjs')).code).toBe('SIGKILL');
  });
});

// The only test that uses the network; it installs everything once, so it runs only when it is asked for.
if (process.env.OSPROXY_TEST_REAL_INSTALL === '1') {
  describe('a fresh checkout', () => {
    it('runs the command line with what the registry gives, and starts in under 2 s after that', async () => {
      const fresh = join(folder, 'fresh');
      const source = dirname(BOOTSTRAP);
      const skipped = new Set(['node_modules', '.toolchain', '.git', 'data']);
      cpSync(source, fresh, { recursive: true, filter: (path) => !skipped.has(basename(path)) });
      const version = () =>
        new Promise((resolve) => {
          const all = [join(fresh, 'bootstrap', 'run.mjs'), '--production', 'server/src/main.ts', 'version'];
          execFile(process.execPath, all, { cwd: folder, timeout: 300_000 }, (_error, stdout) =>
            resolve(stdout),
          );
        });
      expect(await version()).toMatch(/^osproxy /);
      const started = performance.now();
      expect(await version()).toMatch(/^osproxy /);
      expect(performance.now() - started).toBeLessThan(2000);
    }, 300_000);
  });
}
