import { readdir, readFile, stat } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { random } from '../rest/client.ts';
import { killAt } from './commands.ts';
import { type Stage, stage } from './stage.ts';

const NAME = 'Grüße – 世界 100%.bin';
const bytes = random(5_000_003);

describe('wget', () => {
  let uid = '';
  const at = stage({
    needs: [{ command: 'wget', packages: ['wget'] }],
    prepare: async ({ client }) => {
      uid = (await client.put(NAME, bytes)).uid;
    },
  });
  const wget = (...args: string[]) => at().run('wget', ['--no-verbose', '--tries=1', ...args]);

  const links: readonly (readonly [string, (stage: Stage) => Promise<string>])[] = [
    [
      'a link',
      async ({ client, service }) => {
        const { json } = await client.call('POST', `/files/${uid}/links`, {
          json: { disposition: 'attachment' },
        });
        return `${service.url}${json.url}`;
      },
    ],
    [
      'a signed v0 link',
      async ({ client, service }) => {
        const asked = { json: { uid: [uid], expire: 600 } };
        const { bytes: body } = await client.call('POST', '/api/storage/v0/link/download', asked);
        return `${service.url}${JSON.parse(body.toString()).data[0].url}`;
      },
    ],
  ];

  describe.each(links)('through %s', (_kind, make) => {
    test('saves the file under its name in UTF-8', async () => {
      const link = await make(at());
      const folder = `named-${links.findIndex(([, other]) => other === make)}`;
      const done = await wget('--content-disposition', '-P', folder, link);
      expect(done.code, done.stderr).toBe(0);
      expect(await readdir(at().folder.in(folder))).toEqual([NAME]);
      expect((await readFile(at().folder.in(`${folder}/${NAME}`))).equals(bytes)).toBe(true);
    });

    test('goes on after it was killed half-way', async () => {
      const link = await make(at());
      const path = `cut-${links.findIndex(([, other]) => other === make)}.bin`;
      const whileRunning = killAt(at().folder.in(path), 500_000);
      const cut = ['-q', '--limit-rate=1m', '-O', path, link];
      expect((await at().run('wget', cut, { whileRunning })).code).toBeNull();
      const { size } = await stat(at().folder.in(path));
      expect(size).toBeLessThan(bytes.length);
      const rest = await at().run('wget', ['--server-response', '--tries=1', '-c', '-O', path, link]);
      expect(rest.stderr).toContain('206 Partial Content');
      expect(rest.stderr).toContain(
        `Content-Range: bytes ${size}-${bytes.length - 1}/${bytes.length}`.toLowerCase(),
      );
      expect((await readFile(at().folder.in(path))).equals(bytes)).toBe(true);
      expect((await wget('-c', '-O', path, link)).code).toBe(0);
      expect((await readFile(at().folder.in(path))).equals(bytes)).toBe(true);
    });
  });

  test('sees that a link is over', async () => {
    const { json } = await at().client.call('POST', `/files/${uid}/links`, { json: {} });
    await at().client.call('DELETE', `/files/${uid}/links/${json.id}`);
    const done = await wget('-O', 'none', `${at().service.url}${json.url}`);
    expect([done.code, done.stderr]).toEqual([8, expect.stringContaining('410')]);
  });

  test('fetches only what has changed with -N', async () => {
    const link = `${at().api}/files/${uid}/content?name=newer.bin`;
    const header = `--header=${at().key}`;
    const first = await at().run('wget', ['-S', header, '-N', '--no-if-modified-since', link]);
    expect(first.code, first.stderr).toBe(0);
    const again = await at().run('wget', ['-S', header, '-N', link]);
    expect(again.stderr).toContain('304 Not Modified');
  });
});
