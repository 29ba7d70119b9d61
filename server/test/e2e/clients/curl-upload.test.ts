import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { hex, random } from '../rest/client.ts';
import { stage } from './stage.ts';

const big = random(5_000_001);

describe('curl sends', () => {
  const at = stage({
    needs: [{ command: 'curl', packages: ['curl'] }],
    env: {
      OSPROXY_UPLOADS_PART_SIZE_MIB: '4',
      OSPROXY_UPLOADS_MAX_PART_SIZE_MIB: '4',
      OSPROXY_UPLOADS_MAX_FILE_SIZE_MIB: '8',
    },
    prepare: async ({ folder }) => {
      await writeFile(folder.in('big.bin'), big);
      await writeFile(folder.in('too-big.bin'), random(9 * 1024 * 1024));
      await writeFile(folder.in('Grüße, 世界 100%.txt'), 'hello');
      await writeFile(folder.in('empty'), '');
    },
  });

  const curl = (...args: string[]) => {
    const known = args.includes('--oauth2-bearer') ? [] : ['-H', at().key];
    return at().run('curl', ['-sS', ...known, ...args]);
  };
  const answer = async (...args: string[]) => {
    const { stdout, stderr, code } = await curl(...args);
    if (code !== 0) throw new Error(`curl ended with ${code}: ${stderr}`);
    return JSON.parse(stdout);
  };
  const stored = async (uid: string) => (await at().client.content(uid)).bytes;
  const measured = async (...args: string[]) => {
    const done = await curl(
      '-o',
      'answer.json',
      '-w',
      '%{http_code} %{size_upload} %{http_connect}',
      ...args,
    );
    const [status, sent] = done.stdout.split(' ');
    return { ...done, status: Number(status), sent: Number(sent) };
  };

  test('a file by -T, named by the URL', async () => {
    const file = await answer('-T', 'big.bin', `${at().api}/files/other-name.bin`);
    expect(file).toMatchObject({ name: 'other-name.bin', size: big.length, sha256: hex('sha256', big) });
    expect((await stored(file.uid)).equals(big)).toBe(true);
  });

  test('a file by -T to a URL with a trailing slash, under its own name whatever its letters', async () => {
    const file = await answer('-T', 'Grüße, 世界 100%.txt', `${at().api}/files/`);
    expect(file).toMatchObject({ name: 'Grüße, 世界 100%.txt', size: 5, contentType: 'text/plain' });
  });

  test('an empty file', async () => {
    const file = await answer('-T', 'empty', `${at().api}/files/`);
    expect(file).toMatchObject({ name: 'empty', size: 0, verified: true });
    expect(await stored(file.uid)).toHaveLength(0);
  });

  test('what comes from standard input, in chunks of unknown number', async () => {
    const { stdout } = await at().run(
      'curl',
      ['-sS', '-H', at().key, '-T', '-', `${at().api}/files/stream.bin`],
      { input: big },
    );
    const file = JSON.parse(stdout);
    expect(file).toMatchObject({ name: 'stream.bin', size: big.length });
    expect((await stored(file.uid)).equals(big)).toBe(true);
  });

  test('a form by -F, with a name and a type of its own', async () => {
    const own = await answer('-F', 'file=@"Grüße, 世界 100%.txt"', `${at().api}/files`);
    expect(own.name).toBe('Grüße, 世界 100%.txt');
    const named = await answer(
      '--form-escape',
      '-F',
      'comment=first',
      '-F',
      'file=@big.bin;filename="a \\"quoted\\" name.bin";type=video/mp4',
      '-F',
      'after=last',
      `${at().api}/files`,
    );
    expect(named).toMatchObject({ name: 'a "quoted" name.bin', size: big.length });
    expect((await stored(named.uid)).equals(big)).toBe(true);
  });

  test('slowly, at a limited rate', async () => {
    const started = Date.now();
    const file = await answer('--limit-rate', '2M', '-T', 'big.bin', `${at().api}/files/slow.bin`);
    expect(Date.now() - started).toBeGreaterThan(1000);
    expect(file.sha256).toBe(hex('sha256', big));
  });

  test('after asking with Expect: 100-continue', async () => {
    const done = await measured('-H', 'Expect: 100-continue', '-v', '-T', 'big.bin', `${at().api}/files/`);
    expect(done).toMatchObject({ status: 201, sent: big.length });
    expect(done.stderr).toContain('< HTTP/1.1 100 Continue');
  });

  describe('no byte of the body, having asked with Expect: 100-continue, when', () => {
    const cases: readonly (readonly [string, number, () => string[]])[] = [
      ['the key is wrong', 401, () => ['--oauth2-bearer', 'wrong']],
      ['the file is too large', 413, () => []],
      ['the digest is malformed', 400, () => ['-H', 'Content-MD5: nonsense']],
    ];
    test.each(cases)('%s', async (_case, status, more) => {
      const expectHeader = ['-H', 'Expect: 100-continue', '--expect100-timeout', '30'];
      const done = await measured(
        '-v',
        ...expectHeader,
        ...more(),
        '-T',
        'too-big.bin',
        `${at().api}/files/`,
      );
      expect([done.status, done.sent, done.code]).toEqual([status, 0, 0]);
      expect(done.stderr).not.toContain('100 Continue');
    });
  });

  test('a body that is refused half-way, and sees the answer', async () => {
    const uid = await at().client.open();
    for (const args of [
      ['-H', 'Expect:', '-T', 'big.bin', `${at().api}/uploads/${uid}/parts/1`],
      [
        '-H',
        'Expect:',
        '-H',
        'Transfer-Encoding: chunked',
        '-T',
        'big.bin',
        `${at().api}/uploads/${uid}/parts/1`,
      ],
      ['-H', 'Expect:', '-T', 'too-big.bin', `${at().api}/files/`],
    ]) {
      expect(await measured(...args)).toMatchObject({ status: 413, code: 0 });
    }
  });

  test('parts, and goes on after one was cut off', async () => {
    const uid = await at().client.open({ name: 'parts.bin' });
    const url = `${at().api}/uploads/${uid}`;
    await at().run('split', ['-b', '2000000', '-d', 'big.bin', 'part.']);
    await answer('-T', 'part.00', `${url}/parts/1`);
    const cut = await curl('--limit-rate', '200k', '--max-time', '1', '-T', 'part.01', `${url}/parts/2`);
    expect(cut.code).toBe(28);
    expect((await answer(url)).parts.map(({ number }: { number: number }) => number)).toEqual([1]);
    await answer('-T', 'part.01', `${url}/parts/2`);
    await answer('-T', 'part.02', `${url}/parts/3`);
    expect(await answer('-X', 'POST', `${url}/complete`)).toMatchObject({ size: big.length });
    expect((await stored(uid)).equals(big)).toBe(true);
  });

  test('a form to a signed v0 link', async () => {
    const json = JSON.stringify({ filePath: ['folder/größe.bin'] });
    const v0 = `${at().service.url}/api/storage/v0`;
    const [link] = (await answer('--data-binary', json, `${v0}/link/upload`)).data;
    const url = `${at().service.url}${link.url.single}&md5=${hex('md5', big)}`;
    const done = await at().run('curl', ['-sS', '-X', 'PUT', '-F', 'file=@big.bin', url]);
    expect(JSON.parse(done.stdout)).toEqual({ code: 0, message: 'ok', data: '' });
    expect((await stored(link.uid)).equals(big)).toBe(true);
  });
});
