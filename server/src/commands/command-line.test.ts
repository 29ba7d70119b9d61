import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const BIN = fileURLToPath(new URL('../../bin/osproxy.mjs', import.meta.url));
const FAKE = fileURLToPath(new URL('./fake-service.fixture.ts', import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('OSPROXY_')),
  );
  return { ...clean, ...extra };
}

function run(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [file, ...args],
      { cwd: folder, env: environment(env), timeout: 20_000 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      },
    );
  });
}

const osproxy = (...args: string[]) => run(MAIN, args);
const faked = (fake: object, ...args: string[]) =>
  run(FAKE, args, { OSPROXY_TEST_FAKE: JSON.stringify(fake) });

describe('osproxy files', () => {
  it.each([
    [['files'], 'needs one of held, release <uid>, reject <uid>'],
    [['files', 'release'], 'needs one of held, release <uid>, reject <uid>'],
    [['files', 'held', '1'], 'needs one of held, release <uid>, reject <uid>'],
    [['files', 'release', 'x'], '"x" is not the uid of a file.'],
    [['files', 'reject', '1'], 'A file is rejected with a --reason'],
    [['files', 'reject', '1', '--reason', ' '], 'A file is rejected with a --reason'],
    [['files', 'release', '1', '--reason', 'r'], 'nothing else takes one'],
  ])('%j is told what is wrong', async (words, sentence) => {
    const { code, stderr } = await run(FAKE, words);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });

  it('says what is held, and that a file is not there', async () => {
    expect((await run(FAKE, ['files', 'held'])).stdout).toBe('No file is held back.\n');
    const { code, stderr } = await run(FAKE, ['files', 'release', '7']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('There is no file 7.')]);
  });
});

describe('help and version', () => {
  it.each([[[]], [['help']], [['--help']], [['-h']]])('%j lists every command', async (args) => {
    const { code, stdout } = await osproxy(...args);
    expect(code).toBe(0);
    for (const name of [
      'serve',
      'config print',
      'keys create',
      'fsck',
      'doctor',
      'migrate',
      'openapi',
      'version',
    ]) {
      expect(stdout).toContain(`  osproxy ${name}`);
    }
  });

  it.each(['serve', 'config', 'keys', 'fsck', 'doctor', 'migrate', 'openapi', 'help', 'version'])(
    '%s has --help and does nothing else then',
    async (name) => {
      const [direct, listed] = await Promise.all([osproxy(name, '--help'), osproxy('help', name)]);
      expect(direct).toMatchObject({ code: 0, stderr: '' });
      expect(direct.stdout).toMatch(new RegExp(`^Usage: osproxy ${name}`));
      expect(listed.stdout).toBe(direct.stdout);
      expect(existsSync(join(folder, 'data'))).toBe(false);
    },
  );

  it('version is that of the package, also through bin', async () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const wanted = `osproxy ${manifest.version} (Node ${process.versions.node})\n`;
    expect((await osproxy('--version')).stdout).toBe(wanted);
    expect((await run(BIN, ['version'])).stdout).toBe(wanted);
  });
});

describe('what cannot be understood ends with 2 and one sentence', () => {
  it.each([
    [['srve'], '"srve" is not a command of osproxy; did you mean "osproxy serve"?'],
    [['frobnicate'], '"frobnicate" is not a command of osproxy; see "osproxy help".'],
    [['constructor'], '"constructor" is not a command of osproxy; see "osproxy help".'],
    [['help', 'nothing'], '"nothing" is not a command of osproxy; see "osproxy help".'],
    [['serve', '--port', '1'], '"osproxy serve" has no option --port; see "osproxy serve --help".'],
    [['serve', 'now'], '"osproxy serve" does not take "now"; see "osproxy serve --help".'],
    [['fsck', '--repiar'], '"osproxy fsck" has no option --repiar; did you mean --repair?'],
    [
      ['fsck', '--repair=yes'],
      'The option --repair of "osproxy fsck" takes no value; see "osproxy fsck --help".',
    ],
    [
      ['openapi', '--output'],
      'The option --output of "osproxy openapi" needs a value; see "osproxy openapi --help".',
    ],
    [['config'], '"osproxy config" needs one of print, reference; see "osproxy config --help".'],
    [
      ['keys'],
      '"osproxy keys" needs one of create, list, rotate <id>, revoke <id>; see "osproxy keys --help".',
    ],
    [['keys', 'create'], '"osproxy keys create" needs --name: what the key is for.'],
    [
      ['keys', 'create', '--name', 'a', '--scopes', 'read,fly'],
      '--scopes is "read,fly"; it must be a comma-separated list of read, write, delete, links, admin.',
    ],
    [
      ['keys', 'create', '--name', 'a', '--expires-days', '0'],
      '--expires-days is "0"; it must be a whole number from 1 to 36500.',
    ],
    [['keys', 'revoke'], '"osproxy keys revoke" needs the id of a key; see "osproxy keys list".'],
    [['keys', 'list', '--owner', 'x'], '"osproxy keys list" has no option --owner.'],
  ])('%j', async (args, sentence) => {
    expect(await osproxy(...args)).toEqual({ code: 2, stdout: '', stderr: `${sentence}\n` });
  });
});

describe('config print', () => {
  it('shows the settings in force with secrets masked', async () => {
    writeFileSync(join(folder, 'osproxy.yaml'), 'port: 9000\napiKey: very-secret-key\n');
    const { code, stdout } = await run(MAIN, ['config', 'print'], { OSPROXY_HOST: '::1' });
    expect(code).toBe(0);
    expect(stdout).toContain('port: 9000\n');
    expect(stdout).toContain('host: ::1\n');
    expect(stdout).toContain('apiKey: "********"');
    expect(stdout).not.toContain('very-secret');
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  it('prints JSON on request', async () => {
    expect(JSON.parse((await osproxy('config', 'print', '--json')).stdout)).toMatchObject({
      port: 8888,
      defaultStore: 'local',
    });
  });

  it('ends with 1 and every problem on its own line', async () => {
    const { code, stderr } = await run(MAIN, ['config', 'print'], { OSPROXY_PORT: 'x', OSPROXY_HOTS: 'y' });
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      'OSPROXY_HOTS is not a variable that osproxy knows; did you mean OSPROXY_HOST?',
      'port (from the environment variable OSPROXY_PORT) is "x"; it must be a whole number from 0 to 65535.',
    ]);
  });
});

describe('keys', () => {
  it('create prints the secret once', async () => {
    const { code, stdout } = await faked({}, 'keys', 'create', '--name', 'shop');
    expect(code).toBe(0);
    expect(stdout).toContain('Key key-9 (shop) for owner default with read, write, delete, links:');
    expect(stdout.match(/osk_the-secret/g)).toHaveLength(1);
  });

  it('list is aligned, as JSON on request, and never shows a hash', async () => {
    const { stdout } = await faked({ keys: 2 }, 'keys', 'list');
    const [header = '', ...rows] = stdout.trim().split('\n');
    expect(rows).toHaveLength(2);
    expect(rows.map((row) => row.indexOf('default'))).toEqual([
      header.indexOf('OWNER'),
      header.indexOf('OWNER'),
    ]);
    const json = (await faked({ keys: 2 }, 'keys', 'list', '--json')).stdout;
    expect(JSON.parse(json)).toMatchObject([{ id: 'key-1', state: 'active' }, { id: 'key-2' }]);
    expect(stdout + json).not.toContain('not-to-be-shown');
  });

  it('revoke says so, or that there is no such key', async () => {
    expect((await faked({ keys: 1 }, 'keys', 'revoke', 'key-1')).stdout).toBe('Key key-1 is revoked.\n');
    expect(await faked({}, 'keys', 'revoke', 'key-7')).toMatchObject({
      code: 1,
      stderr: 'There is no key "key-7".\n',
    });
  });
});

describe('fsck, doctor, migrate, openapi', () => {
  const findings = [{ kind: 'missing-bytes', detail: 'blob 7 is gone', repaired: false }];

  it('fsck ends with 1 while findings remain', async () => {
    expect(await faked({}, 'fsck')).toMatchObject({
      code: 0,
      stdout: 'checked 3 files: 0 found, 0 repaired\n',
    });
    expect(await faked({ findings }, 'fsck')).toMatchObject({
      code: 1,
      stdout: 'found missing-bytes: blob 7 is gone\nchecked 3 files: 1 found, 0 repaired\n',
    });
    expect(await faked({ findings }, 'fsck', '--repair')).toMatchObject({ code: 0 });
  });

  it('fsck refuses a database that lacks migrations', async () => {
    expect(await faked({ pending: ['001'] }, 'fsck')).toMatchObject({
      code: 1,
      stderr: 'The database lacks 1 migration; run "osproxy migrate" first.\n',
    });
  });

  it('doctor prints a table and ends with 1 when something is wrong', async () => {
    expect((await faked({}, 'doctor')).code).toBe(0);
    const { code, stdout } = await faked({ unhealthy: true }, 'doctor');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^store local {2}FAILED {2}put {5}free some space$/m);
  });

  it('migrate applies or only lists', async () => {
    expect((await faked({}, 'migrate')).stdout).toBe('The database is up to date.\n');
    expect((await faked({ pending: ['001-files'] }, 'migrate', '--dry-run')).stdout).toBe(
      'would apply 001-files\n  create table a (b integer);\n',
    );
    expect((await faked({ pending: ['001-files'] }, 'migrate')).stdout).toBe('applied 001-files\n');
  });

  it('says nothing but its result in an empty folder', async () => {
    for (const args of [['migrate'], ['openapi', '--output', 'openapi.json'], ['fsck']]) {
      expect(await osproxy(...args), args.join(' ')).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it('openapi prints the document or writes it, and touches no data', async () => {
    expect(JSON.parse((await faked({}, 'openapi')).stdout)).toMatchObject({ openapi: '3.1.0' });
    await faked({}, 'openapi', '--output', 'docs/openapi.json');
    expect(JSON.parse(readFileSync(join(folder, 'docs/openapi.json'), 'utf8'))).toMatchObject({
      openapi: '3.1.0',
    });
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });
});

describe('serve', () => {
  function serve(fake: object, env: Record<string, string> = {}) {
    const child = spawn(process.execPath, [FAKE, 'serve'], {
      cwd: folder,
      env: environment({ OSPROXY_PORT: '0', OSPROXY_TEST_FAKE: JSON.stringify(fake), ...env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      output.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output.stderr += chunk;
    });
    const ended = once(child, 'close').then(([code]) => code as number);
    const listening = async () => {
      for (let i = 0; i < 500 && !output.stdout.includes('"listening"'); i++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(output.stdout).toContain('"listening"');
    };
    return { child, output, ended, listening };
  }

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s after draining', async (signal) => {
    const { child, output, ended, listening } = serve({ keys: 1, drainMs: 700 });
    await listening();
    child.kill(signal);
    const started = performance.now();
    expect(await ended).toBe(0);
    expect(performance.now() - started).toBeGreaterThan(600);
    expect(output.stdout).toContain('"msg":"stopped"');
    expect(output.stderr).toBe('');
  });

  it('takes two signals at the same moment as one, and ends with 1 at once on a later one', async () => {
    const { child, ended, listening } = serve({ keys: 1, drainMs: 15_000 });
    await listening();
    child.kill('SIGINT');
    child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(child.exitCode).toBeNull();
    const started = performance.now();
    child.kill('SIGINT');
    expect(await ended).toBe(1);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('prints a first key once, with a line to try it, when nobody could use the service', async () => {
    const { child, output, ended, listening } = serve({});
    await listening();
    child.kill('SIGTERM');
    await ended;
    expect(output.stdout).toMatch(/^ {4}osk_the-secret$/m);
    expect(output.stdout).toMatch(
      /curl -H "Authorization: Bearer osk_the-secret" http:\/\/127\.0\.0\.1:\d+\/api\/v1\/files/,
    );
    expect(
      output.stdout
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .join(''),
    ).not.toContain('osk_');
  });

  it.each([
    [{ keys: 1 }, {}],
    [{}, { OSPROXY_API_KEY: 'given-key-123' }],
  ])('prints none when there is one: %j %j', async (fake, env) => {
    const { child, output, ended, listening } = serve(fake, env);
    await listening();
    child.kill('SIGTERM');
    await ended;
    expect(output.stdout).not.toContain('osk_');
    expect(output.stdout).not.toContain('given-key');
  });

  it('ends with 1 and one sentence when the port is in use', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo;
    try {
      const { ended, output } = serve({ keys: 1 }, { OSPROXY_PORT: String(port) });
      expect(await ended).toBe(1);
      expect(output.stderr).toBe(
        `Port ${port} on 127.0.0.1 is already in use; stop the other program or set another port (OSPROXY_PORT).\n`,
      );
    } finally {
      blocker.close();
    }
  });

  it.each<[string, object, Record<string, string>, string]>([
    [
      'an address of another machine',
      { keys: 1 },
      { OSPROXY_HOST: '192.0.2.1' },
      'The address 192.0.2.1 does not belong to this machine; set host (OSPROXY_HOST) to one that does, such as 127.0.0.1 or 0.0.0.0.',
    ],
    [
      'a data folder that is a file',
      {},
      { OSPROXY_DATA_DIR: 'plain' },
      'The data folder DIR/plain (setting dataDir, OSPROXY_DATA_DIR) cannot be written: it is not a folder.',
    ],
    [
      'a log file that is a folder',
      {},
      { OSPROXY_LOG_FILE_PATH: '.' },
      'The log file DIR (setting log.file.path, OSPROXY_LOG_FILE_PATH) cannot be written: it is not a file.',
    ],
    [
      'a newer database',
      { failWith: { code: 'Conflict', message: 'The database is newer.' } },
      {},
      'The database is newer.',
    ],
  ])('ends with 1 and one sentence for %s', async (_name, fake, env, sentence) => {
    writeFileSync(join(folder, 'plain'), '');
    const { ended, output } = serve(fake, env);
    expect(await ended).toBe(1);
    expect(output.stderr.replaceAll(folder, 'DIR')).toBe(`${sentence}\n`);
  });
});
