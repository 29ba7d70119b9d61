import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ensurePackages } from '#test/services/packages.ts';
import { signIn } from '../people.ts';
import { type Answer, random } from '../rest/client.ts';
import { bodyOf, shareStage } from './share-stage.ts';

const run = promisify(execFile);
const stage = shareStage({ OSPROXY_ARCHIVES_MAX_ENTRIES: '2000', OSPROXY_ARCHIVES_AT_ONCE: '2' });
let folder: string;
let absent: string | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-drive-zip-'));
  absent = await ensurePackages([{ command: 'unzip', packages: ['unzip'] }]);
}, 600_000);
beforeEach(({ skip }) => {
  if (absent !== undefined) skip(absent);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Unpacks it and lists what came out. */
async function unpacked(
  answer: Answer,
): Promise<{ paths: string[]; read: (path: string) => Promise<Buffer> }> {
  const into = await mkdtemp(join(folder, 'out-'));
  const path = join(into, 'a.zip');
  await writeFile(path, answer.bytes);
  await run('unzip', ['-tq', path]);
  const { stdout } = await run('unzip', ['-o', path, '-d', into], {
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  const { stdout: found } = await run('find', ['.', '-mindepth', '1', '!', '-name', 'a.zip'], { cwd: into });
  expect(stdout).not.toMatch(/warning|error/i);
  const paths = found.split('\n').filter(Boolean).sort();
  return { paths, read: (name) => readFile(join(into, name)) };
}

function zip(entries: readonly string[]): Promise<Answer> {
  return stage().owner.client.call('POST', '/drive/zip', { json: { entries } });
}

describe('a ZIP of a drive', () => {
  test('holds folders with all that is in them, once, and its length is announced', async () => {
    const { desk, owner } = stage();
    const top = await desk.folder(owner.userId, 'trip 旅行');
    const inner = await desk.folder(owner.userId, 'inner', top);
    await desk.folder(owner.userId, 'empty', top);
    const bytes = random(300_000);
    const file = await desk.file(owner.userId, 'photo.bin', bytes, inner);
    const beside = await desk.file(owner.userId, 'beside.txt', 'beside');
    const answer = await zip([inner, top, file, beside]);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-length']).toBe(String(answer.bytes.length));
    expect(answer.headers['content-disposition']).toBe('attachment; filename=files.zip');
    const { paths, read } = await unpacked(answer);
    expect(paths).toEqual(
      [
        './beside.txt',
        './trip 旅行',
        './trip 旅行/empty',
        './trip 旅行/inner',
        './trip 旅行/inner/photo.bin',
      ].sort(),
    );
    expect((await read('trip 旅行/inner/photo.bin')).equals(bytes)).toBe(true);
    const alone = await zip([top]);
    expect(alone.headers['content-disposition']).toContain("filename*=UTF-8''trip%20%E6%97%85%E8%A1%8C.zip");
  });

  test('keeps evil names in its folder', async () => {
    const { desk, owner } = stage();
    const top = await desk.folder(owner.userId, 'evil');
    const names = [
      '..\\..\\evil.txt',
      'C:\\windows',
      'nul',
      'a:b',
      '\u202egpj.exe',
      'x?',
      'x*',
      '-rf',
      '~root',
    ];
    for (const name of names) await desk.file(owner.userId, name, name, top);
    const { paths } = await unpacked(await zip([top]));
    expect(paths).toHaveLength(names.length + 1);
    for (const path of paths) expect(path).toMatch(/^\.\/evil(\/[^\\:*?"<>|\u202e]+)?$/);
  });

  test('is refused before its first byte: of what is not there, belongs to others, is too much, or cannot be read', async () => {
    const { desk, owner, other } = stage();
    const mine = await desk.file(owner.userId, 'fine.txt', 'fine');
    const theirs = await desk.file(other.userId, 'theirs.txt', 'theirs');
    for (const id of [theirs, '5', 'x']) expect((await zip([mine, id])).status).toBe(404);
    expect((await zip([])).status).toBe(400);
    const many = await desk.folder(owner.userId, 'many');
    await desk.emptyFiles(owner.userId, 2001, many);
    const refused = await zip([many]);
    expect([refused.status, refused.json.details.maxEntries]).toEqual([413, 2000]);
    const lost = await desk.file(owner.userId, 'lost.txt', 'to be lost');
    const entry = await desk.metadata.entries.find(lost);
    await desk.metadata.transaction(({ files }) => files.markDeleted(entry?.fileUid ?? '', Date.now()));
    const unreadable = await zip([mine, lost]);
    expect([unreadable.status, unreadable.json.details.name]).toEqual([409, 'lost.txt']);
    expect((await zip([mine])).status).toBe(200);
  });
});

describe('a ticket', () => {
  const make = (json: object) => stage().owner.client.call('POST', '/drive/tickets', { json });
  const pathOf = (answer: Answer) => bodyOf(answer).url as string;

  test('gives one file or one ZIP once, to whoever has it', async () => {
    const { desk, owner, nobody } = stage();
    const file = await desk.file(owner.userId, 'ticket.html', '<p>hello</p>');
    const once = await make({ kind: 'content', entries: [file] });
    expect(once.status).toBe(201);
    const left = Date.parse(once.json.expiresAt) - Date.now();
    expect(left > 50_000 && left <= 60_000).toBe(true);
    expect((await nobody.call('HEAD', pathOf(once))).status).toBe(200);
    const answers = await Promise.all(Array.from({ length: 10 }, () => nobody.call('GET', pathOf(once))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(9);
    const [got] = answers.filter(({ status }) => status === 200);
    expect(got?.bytes.toString()).toBe('<p>hello</p>');
    expect(got?.headers['content-disposition']).toContain('attachment');
    const zipped = await make({ kind: 'zip', entries: [file] });
    const { paths } = await unpacked(await nobody.call('GET', pathOf(zipped)));
    expect(paths).toEqual(['./ticket.html']);
    expect((await nobody.call('GET', pathOf(zipped))).status).toBe(404);
  });

  test('that shows may be used again, with ranges, and shows nothing that runs', async () => {
    const { desk, owner, nobody } = stage();
    const film = await desk.file(owner.userId, 'film.txt', '0123456789');
    const shown = await make({ kind: 'show', entries: [film] });
    for (let time = 0; time < 3; time += 1) {
      const part = await nobody.call('GET', pathOf(shown), { headers: { range: 'bytes=2-4' } });
      expect([part.status, part.bytes.toString()]).toEqual([206, '234']);
      expect(part.headers['content-disposition']).toContain('inline');
    }
    const page = await desk.file(owner.userId, 'page.html', '<script>1</script>');
    const { headers } = await nobody.call('GET', pathOf(await make({ kind: 'show', entries: [page] })));
    expect(headers['content-disposition']).toContain('attachment');
  });

  test('is for what one may see, and ends with the session and with the file', async () => {
    const { desk, owner, other, nobody, service } = stage();
    const theirs = await desk.file(other.userId, 'not mine.txt', 'x');
    expect((await make({ kind: 'content', entries: [theirs] })).status).toBe(404);
    const mine = await desk.file(owner.userId, 'mine.txt', 'x');
    expect((await make({ kind: 'content', entries: [mine, mine] })).status).toBe(400);
    for (const id of [theirs, '5', 'x', 'root']) {
      const refused = await make({ kind: 'zip', entries: [mine, id] });
      expect([refused.status, refused.json.details.id]).toEqual([404, id]);
    }
    const session = await signIn(service, 'owner');
    const json = { kind: 'show', entries: [mine] };
    const url = pathOf(await session.client.call('POST', '/drive/tickets', { json }));
    expect((await nobody.call('GET', url)).status).toBe(200);
    await session.client.call('DELETE', `/me/sessions/${session.sessionId}`);
    expect((await nobody.call('GET', url)).status).toBe(404);
    session.client.close();
    const trashed = pathOf(await make({ kind: 'content', entries: [mine] }));
    await desk.trash(owner.userId, mine);
    expect((await nobody.call('GET', trashed)).status).toBe(404);
    expect((await nobody.call('GET', `/drive/tickets/${'A'.repeat(43)}`)).status).toBe(404);
    expect(service.lines.some((line) => line.includes(url.split('/').at(-1) ?? '?'))).toBe(false);
  });
});

describe('a preview', () => {
  test('says how a file is shown, for its owner and for visitors, and the paths work', async () => {
    const { desk, owner, share, nobody } = stage();
    const { image } = await import('./pictures.ts');
    const kinds: Record<string, string> = {};
    const contents: Record<string, string | Buffer> = {
      'a.png': await image(300, 200),
      'a.txt': 'text',
      'a.html': '<script>1</script>',
      'a.bin': Buffer.from([0, 1, 2, 3]),
      'gbk.txt': Buffer.from([0xd6, 0xd0, 0xce, 0xc4]),
      'a.pdf': '%PDF-1.4\n',
    };
    for (const [name, content] of Object.entries(contents)) {
      const id = await desk.file(owner.userId, name, content);
      const seen = await owner.client.call('GET', `/drive/entries/${id}/preview`);
      const preview = bodyOf(seen) as {
        kind: string;
        text: string | null;
        content: string | null;
        thumbnails: { url: string }[];
      };
      kinds[name] = preview.kind;
      if (preview.text !== null) expect((await owner.client.call('GET', preview.text)).status).toBe(200);
      expect(preview.thumbnails).toHaveLength(preview.kind === 'image' ? 3 : 0);
      const { key } = await share(id, { permission: 'view' });
      const shared = bodyOf(await nobody.call('GET', `/shared/${key}/preview`)) as typeof preview;
      expect(shared.kind).toBe(preview.kind);
      for (const path of [shared.content, shared.text, ...shared.thumbnails.map(({ url }) => url)]) {
        if (path !== null) expect((await nobody.call('GET', path)).status).toBe(200);
      }
    }
    expect(kinds).toEqual({
      'a.png': 'image',
      'a.txt': 'text',
      'a.html': 'text',
      'a.bin': 'none',
      'gbk.txt': 'text',
      'a.pdf': 'pdf',
    });
  });

  test('of a text is cut, says so, and says what it is written in', async () => {
    const { desk, owner, other } = stage();
    const text = 'é'.repeat(200_000);
    const id = await desk.file(owner.userId, 'long.txt', text);
    const cut = await owner.client.call('GET', `/drive/entries/${id}/text`);
    expect(cut.headers).toMatchObject({ 'x-text-truncated': 'true', 'x-text-charset': 'utf-8' });
    expect(cut.bytes.toString()).toBe(text.slice(0, 131_072));
    const gbk = await desk.file(owner.userId, 'gbk2.txt', Buffer.from([0xd6, 0xd0, 0xce, 0xc4]));
    const read = await owner.client.call('GET', `/drive/entries/${gbk}/text`);
    expect([read.bytes.toString(), read.headers['x-text-charset'], read.headers['x-text-truncated']]).toEqual(
      ['中文', 'gb18030', 'false'],
    );
    const said = await owner.client.call('GET', `/drive/entries/${gbk}/text?charset=big5`);
    expect(said.headers['x-text-charset']).toBe('big5');
    const binary = await desk.file(owner.userId, 'binary.bin', Buffer.from([0, 1, 2]));
    expect((await owner.client.call('GET', `/drive/entries/${binary}/text`)).status).toBe(415);
    for (const path of ['preview', 'text']) {
      expect((await other.client.call('GET', `/drive/entries/${id}/${path}`)).status).toBe(404);
    }
  });
});
