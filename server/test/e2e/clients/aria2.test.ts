import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { hex, random } from '../rest/client.ts';
import { killAt } from './commands.ts';
import { stage } from './stage.ts';

const bytes = random(12_000_011);
const QUIET = ['--no-conf', '--console-log-level=warn', '--summary-interval=0', '--auto-file-renaming=false'];
const IN_PIECES = ['--split=5', '--max-connection-per-server=5', '--min-split-size=1M', '--piece-length=1M'];

describe('aria2c', () => {
  let uid = '';
  const at = stage({
    needs: [{ command: 'aria2c', packages: ['aria2'] }],
    prepare: async ({ client }) => {
      const parts = [bytes.subarray(0, 5_000_000), bytes.subarray(5_000_000)];
      ({ uid } = await client.putParts(parts, { name: 'film – 世界.bin' }));
    },
  });
  const link = async () => {
    const { json } = await at().client.call('POST', `/files/${uid}/links`, { json: {} });
    return `${at().service.url}${json.url}`;
  };

  test('reads ranges over several connections at once, and the digest is right', async () => {
    const before = at().service.lines.length;
    // Slow enough for the other connections to begin before the first has read everything.
    const paced = '--max-overall-download-limit=8M';
    const checksum = `--checksum=sha-256=${hex('sha256', bytes)}`;
    const done = await at().run('aria2c', [
      ...QUIET,
      ...IN_PIECES,
      paced,
      checksum,
      '-o',
      'whole.bin',
      await link(),
    ]);
    expect(done.code, done.stdout).toBe(0);
    expect((await readFile(at().folder.in('whole.bin'))).equals(bytes)).toBe(true);
    // The log may come a moment after the answers.
    const ranges = () =>
      at()
        .service.lines.slice(before)
        .filter((line) => line.includes('"status":206')).length;
    await expect.poll(ranges).toBeGreaterThanOrEqual(3);
  });

  test('goes on with its pieces after it was killed', async () => {
    const url = await link();
    const args = [...QUIET, ...IN_PIECES, '--file-allocation=none', '-c', '-o', 'cut.bin', url];
    const slow = ['--max-overall-download-limit=2M', '--auto-save-interval=1'];
    const whileRunning = killAt(at().folder.in('cut.bin.aria2'), 1);
    const cut = await at().run('aria2c', [...slow, ...args], { whileRunning });
    expect(cut.code).toBeNull();
    expect((await at().run('aria2c', args)).code).toBe(0);
    expect((await readFile(at().folder.in('cut.bin'))).equals(bytes)).toBe(true);
  });

  test('takes the name from the answer', async () => {
    expect((await at().run('aria2c', [...QUIET, '-d', 'named', await link()])).code).toBe(0);
    expect((await readFile(at().folder.in('named/film – 世界.bin'))).equals(bytes)).toBe(true);
  });
});
