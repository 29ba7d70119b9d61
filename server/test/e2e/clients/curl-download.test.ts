import { readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { random } from '../rest/client.ts';
import { killAt } from './commands.ts';
import { stage } from './stage.ts';

const bytes = random(6_000_007);

describe('curl reads', () => {
  let uid = '';
  let url = '';
  const at = stage({
    needs: [{ command: 'curl', packages: ['curl'] }],
    prepare: async ({ client, api }) => {
      const half = bytes.length >> 1;
      const parts = [bytes.subarray(0, half), bytes.subarray(half)];
      ({ uid } = await client.putParts(parts, { name: 'Grüße, 世界.bin' }));
      url = `${api}/files/${uid}/content`;
    },
  });

  const curl = (...args: string[]) => at().run('curl', ['-sS', '-H', at().key, ...args]);
  const saved = (name: string) => readFile(at().folder.in(name));
  const status = '%{http_code} %{num_connects}';

  test('the whole', async () => {
    expect((await curl('-o', 'whole.bin', url)).code).toBe(0);
    expect((await saved('whole.bin')).equals(bytes)).toBe(true);
  });

  test('a range, an open one, and the end', async () => {
    const ranges: readonly (readonly [string, Buffer])[] = [
      ['0-0', bytes.subarray(0, 1)],
      ['2999990-3000020', bytes.subarray(2_999_990, 3_000_021)],
      ['6000000-', bytes.subarray(6_000_000)],
      ['-100', bytes.subarray(-100)],
    ];
    for (const [range, wished] of ranges) {
      const { stdout } = await curl('--range', range, '-o', 'range.bin', '-w', '%{http_code}', url);
      expect([range, stdout, (await saved('range.bin')).equals(wished)]).toEqual([range, '206', true]);
    }
    expect((await curl('--range', '7000000-', '-o', 'range.bin', '-w', '%{http_code}', url)).stdout).toBe(
      '416',
    );
  });

  test('several ranges as multipart/byteranges', async () => {
    await curl('--range', '0-9,100-199,-10', '-D', 'head.txt', '-o', 'ranges.bin', url);
    const boundary = /multipart\/byteranges; boundary=(\S+)/.exec((await saved('head.txt')).toString())?.[1];
    const sections = (await saved('ranges.bin')).toString('latin1').split(`--${boundary}`).slice(1, -1);
    expect(sections.map((section) => /Content-Range: (.*)\r\n/i.exec(section)?.[1])).toEqual([
      `bytes 0-9/${bytes.length}`,
      `bytes 100-199/${bytes.length}`,
      `bytes ${bytes.length - 10}-${bytes.length - 1}/${bytes.length}`,
    ]);
    const bodies = sections.map((section) => section.slice(section.indexOf('\r\n\r\n') + 4, -2));
    const wished = [bytes.subarray(0, 10), bytes.subarray(100, 200), bytes.subarray(-10)];
    expect(bodies).toEqual(wished.map((body) => body.toString('latin1')));
  });

  test('on where it was cut off, as often as it takes', async () => {
    // Before it heeds its rate, curl takes up to 10 MB of what has arrived already.
    const large = random(24_000_007);
    const { uid: largeUid } = await at().client.put('large.bin', large);
    const from = `${at().api}/files/${largeUid}/content`;
    for (const cutAt of [500_000, 2_500_000]) {
      const whileRunning = killAt(at().folder.in('resumed.bin'), cutAt);
      const args = ['-sS', '-H', at().key, '--limit-rate', '1M', '-C', '-', '-o', 'resumed.bin', from];
      expect((await at().run('curl', args, { whileRunning })).code).toBeNull();
      const { size } = await stat(at().folder.in('resumed.bin'));
      expect(size).toBeLessThan(large.length);
    }
    const last = await curl('-C', '-', '-o', 'resumed.bin', '-w', '%{http_code} %{size_download}', from);
    expect(last.stdout).toMatch(/^206 /);
    expect(Number(last.stdout.slice(4))).toBeLessThan(large.length - 2_500_000);
    expect((await saved('resumed.bin')).equals(large)).toBe(true);
  });

  test('nothing more when it has all', async () => {
    await writeFile(at().folder.in('complete.bin'), bytes);
    await curl('-C', '-', '-o', 'complete.bin', url);
    expect((await saved('complete.bin')).equals(bytes)).toBe(true);
  });

  test('on only while the file still is the one it began with', async () => {
    const etag = (await at().client.content(uid, {}, '')).headers.etag ?? '';
    await writeFile(at().folder.in('same.bin'), bytes.subarray(0, 1_000_000));
    const same = await curl(
      '-H',
      `If-Range: ${etag}`,
      '-C',
      '-',
      '-o',
      'same.bin',
      '-w',
      '%{http_code}',
      url,
    );
    expect(same.stdout).toBe('206');
    expect((await saved('same.bin')).equals(bytes)).toBe(true);

    const other = await at().client.put('other.bin', random(5_000_000));
    const otherUrl = `${at().api}/files/${other.uid}/content`;
    await writeFile(at().folder.in('mixed.bin'), bytes.subarray(0, 1_000_000));
    const mixed = await curl(
      '-H',
      `If-Range: ${etag}`,
      '-C',
      '-',
      '-o',
      'mixed.bin',
      '-w',
      '%{http_code}',
      otherUrl,
    );
    expect([mixed.stdout, mixed.code]).toEqual(['200', 33]);
    expect((await saved('mixed.bin')).equals(bytes.subarray(0, 1_000_000))).toBe(true);
  });

  test('nothing again when its copy is good: --etag-compare and -z', async () => {
    await curl('--etag-save', 'etag.txt', '-R', '-o', 'copy.bin', url);
    const again = await curl(
      '--etag-compare',
      'etag.txt',
      '-o',
      'again.bin',
      '-w',
      '%{http_code} %{size_download}',
      url,
    );
    expect(again.stdout).toBe('304 0');
    const newer = await curl('-z', 'copy.bin', '-o', 'again.bin', '-w', '%{http_code} %{size_download}', url);
    expect(newer.stdout).toBe('304 0');
    const older = await curl('-z', '2001-01-01', '-o', 'again.bin', '-w', '%{http_code}', url);
    expect(older.stdout).toBe('200');
    const unmodified = await curl(
      '-z',
      '-Mon, 01 Jan 2001 00:00:00 GMT',
      '-o',
      'again.bin',
      '-w',
      '%{http_code}',
      url,
    );
    expect(unmodified.stdout).toBe('412');
  });

  test('the headers alone with --head', async () => {
    const { stdout } = await curl('--head', url);
    expect(stdout).toContain('HTTP/1.1 200 OK');
    expect(stdout).toMatch(new RegExp(`^content-length: ${bytes.length}\r$`, 'im'));
    expect(stdout).toMatch(/^accept-ranges: bytes\r$/im);
    expect(stdout).toMatch(/^etag: "[^"]+"\r$/im);
    expect(stdout).toMatch(/^last-modified: /im);
  });

  test('two files over one connection', async () => {
    const { stdout } = await curl('-w', `${status}\n`, '-o', 'one.bin', url, '-o', 'two.bin', url);
    expect(stdout.trim().split('\n')).toEqual(['200 1', '200 0']);
  });

  test('through a link, under the name that -J finds', async () => {
    const made = await at().client.call('POST', `/files/${uid}/links`, { json: { maxUses: 1 } });
    const link = `${at().service.url}${made.json.url}`;
    const first = await at().run('curl', ['-sS', '-OJ', '-w', '%{http_code}', link]);
    expect(first.stdout).toBe('200');
    expect((await at().run('curl', ['-sS', '-o', 'again.bin', '-w', '%{http_code}', link])).stdout).toBe(
      '410',
    );
  });
});
