import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LogFile, type LogFileOptions } from './log-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function options(overrides: Partial<LogFileOptions> = {}): LogFileOptions {
  return {
    path: join(folder, 'logs', 'osproxy.log'),
    maxSizeMiB: 1,
    rotateHours: 24,
    keep: 3,
    compress: true,
    ...overrides,
  };
}

const files = () =>
  readdirSync(join(folder, 'logs'))
    .filter((name) => !name.startsWith('.'))
    .sort();
const rotated = () => files().filter((name) => name !== 'osproxy.log');
const LINE = `${'x'.repeat(1023)}\n`;

async function writeMiB(file: LogFile, mebibytes: number): Promise<void> {
  for (let i = 0; i < mebibytes * 1024; i++) {
    file.write(LINE);
    if (i % 256 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('the log file', () => {
  it('is rotated by size, compressed, and only the wanted number is kept', async () => {
    const file = new LogFile(options({ keep: 2 }), () => {});
    await writeMiB(file, 5);
    await file.close();
    await vi.waitFor(() => {
      expect(rotated()).toEqual([
        expect.stringMatching(/^\d{8}-0000-\d\d-osproxy\.log\.gz$/),
        expect.stringMatching(/^\d{8}-0000-\d\d-osproxy\.log\.gz$/),
      ]);
      const content = gunzipSync(readFileSync(join(folder, 'logs', rotated()[0] ?? ''))).toString();
      expect(content.length).toBeGreaterThanOrEqual(1024 * 1024);
      expect(content.length % LINE.length).toBe(0);
    }, 10_000);
  });

  it('keeps rotated files as they are when compression is off', async () => {
    const file = new LogFile(options({ compress: false }), () => {});
    await writeMiB(file, 2);
    await file.close();
    await vi.waitFor(() => expect(rotated()).not.toEqual([]), 10_000);
    expect(files().some((name) => name.endsWith('.gz'))).toBe(false);
  });

  it('is rotated by age when it was last written in an earlier interval', async () => {
    const first = new LogFile(options({ compress: false }), () => {});
    first.write('old\n');
    await first.close();
    const path = options().path;
    const twoDaysAgo = new Date(Date.now() - 48 * 3600_000);
    utimesSync(path, twoDaysAgo, twoDaysAgo);
    const second = new LogFile(options({ compress: false }), () => {});
    second.write('new\n');
    await second.close();
    expect(readFileSync(path, 'utf8')).toBe('new\n');
    expect(readFileSync(join(folder, 'logs', rotated()[0] ?? ''), 'utf8')).toBe('old\n');
  });

  it('appends to what is there', async () => {
    for (const line of ['one\n', 'two\n']) {
      const file = new LogFile(options(), () => {});
      file.write(line);
      await file.close();
    }
    expect(readFileSync(options().path, 'utf8')).toBe('one\ntwo\n');
  });

  it('refuses a path below a file at the start', () => {
    writeFileSync(join(folder, 'plain'), '');
    expect(() => new LogFile(options({ path: join(folder, 'plain', 'osproxy.log') }), () => {})).toThrow(
      `The log file ${join(folder, 'plain', 'osproxy.log')} (setting log.file.path, OSPROXY_LOG_FILE_PATH) cannot be written: a part of its path is not a folder.`,
    );
  });

  it('refuses a folder in its place at the start', () => {
    expect(() => new LogFile(options({ path: folder }), () => {})).toThrow(
      'cannot be written: it is not a file.',
    );
  });

  it('warns once and goes on when the disk takes no more', async () => {
    const script = `
      import { createLog } from ${JSON.stringify(new URL('./pino.ts', import.meta.url).href)};
      const log = createLog({ level: 'info', file: { path: ${JSON.stringify(options().path)}, maxSizeMiB: 100, rotateHours: 24, keep: 1, compress: false } });
      for (let i = 0; i < 200; i++) { log.logger.info({ i }, 'x'.repeat(1000)); if (i % 20 === 0) await new Promise((r) => setTimeout(r, 10)); }
      await log.close();
      process.exitCode = 7;
    `;
    const path = join(folder, 'full.mjs');
    writeFileSync(path, script);
    const shell = `ulimit -f 64; exec '${process.execPath}' '${path}' | cat`;
    const { stdout, stderr } = await promisify(execFile)(
      'bash',
      ['-c', `set -o pipefail; ${shell} || test $? = 7`],
      { maxBuffer: 1e7 },
    );
    expect(stdout.trim().split('\n')).toHaveLength(200);
    expect(stderr.match(/The log file .* cannot be written/g)).toHaveLength(1);
  });
});

describe('stdout', () => {
  it('gets complete JSON lines, the last ones too when the process exits at once', async () => {
    const script = `
      import { createLog } from ${JSON.stringify(new URL('./pino.ts', import.meta.url).href)};
      const { logger } = createLog({ level: 'info' });
      logger.debug({}, 'hidden');
      logger.child({ requestId: 'r1' }).warn({ a: 1 }, 'shown');
      process.exit(0);
    `;
    const path = join(folder, 'exit.mjs');
    writeFileSync(path, script);
    const { stdout } = await promisify(execFile)(process.execPath, [path]);
    expect(JSON.parse(stdout)).toMatchObject({ level: 'warn', requestId: 'r1', a: 1, msg: 'shown' });
  });

  it('may go away without ending the process', async () => {
    const script = `
      import { createLog } from ${JSON.stringify(new URL('./pino.ts', import.meta.url).href)};
      const log = createLog({ level: 'info' });
      for (let i = 0; i < 50; i++) { log.logger.info({ i }, 'x'.repeat(10_000)); await new Promise((r) => setTimeout(r, 5)); }
      await log.close();
      process.exitCode = 7;
    `;
    const path = join(folder, 'gone.mjs');
    writeFileSync(path, script);
    const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code).toBe(7);
    expect(stderr.match(/The log cannot be written to stdout/g)).toHaveLength(1);
  });
});
