import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Archive, type ArchiveEntry, Archives } from '#core/archive/archive.ts';
import { OsproxyError } from '#core/errors.ts';
import { ensurePackages } from '#test/services/packages.ts';
import {
  bytesOf,
  FakeDownloads,
  fileOf,
  PUBLIC,
  RawClient,
  startServer,
  type TestServer,
  until,
} from '../test-server.ts';
import { sendZip } from './send-zip.ts';
import { ZipStream } from './zip-stream.ts';

const run = promisify(execFile);
const AT = Date.UTC(2021, 4, 6, 7, 8, 10);
const READER = `
import json, sys, zipfile, hashlib
z = zipfile.ZipFile(sys.argv[1])
bad = z.testzip()
few = z.infolist()[:50]
print(json.dumps({'bad': bad, 'count': len(z.infolist()), 'members': [
  {'name': i.filename, 'size': i.file_size, 'time': list(i.date_time), 'folder': i.is_dir(),
   'utf8': bool(i.flag_bits & 0x800), 'offset': i.header_offset,
   'sha': hashlib.sha256(z.read(i)).hexdigest() if i.file_size < 1e8 else None} for i in few + z.infolist()[-1:]]}))
`;

interface Read {
  readonly bad: string | null;
  readonly count: number;
  readonly members: readonly {
    readonly name: string;
    readonly size: number;
    readonly time: readonly number[];
    readonly folder: boolean;
    readonly utf8: boolean;
    readonly offset: number;
    readonly sha: string | null;
  }[];
}

let folder: string;
let absent: string | undefined;
let server: TestServer | undefined;
let downloads: FakeDownloads;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-zip-'));
  absent = await ensurePackages([
    { command: 'unzip', packages: ['unzip'] },
    { command: 'python3', packages: ['python3'] },
  ]);
}, 600_000);
beforeEach(({ skip }) => {
  if (absent !== undefined) skip(absent);
  downloads = new FakeDownloads();
});
afterEach(async () => {
  await server?.app.close();
  server = undefined;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const file = (id: string, name: string, size: number, parentId?: string): ArchiveEntry => ({
  ...{ id, name, size, parentId, kind: 'file', modifiedAt: AT },
});
const directory = (id: string, name: string, parentId?: string): ArchiveEntry => ({
  ...{ id, name, size: 0, parentId, kind: 'folder', modifiedAt: AT },
});

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

const LIMITS = { maxEntries: 200_000, maxBytes: Number.MAX_SAFE_INTEGER, atOnce: 1 };

function gather(archives: Archives, entries: readonly ArchiveEntry[]): Promise<Archive> {
  const opened: Archive['open'] = ({ size }, signal) => downloads.read(fileOf(size), undefined, signal);
  return archives.gather('a', { name: 'Фото', owner: '~1', open: opened }, each(entries));
}

async function serve(entries: readonly ArchiveEntry[], archives = new Archives(LIMITS)): Promise<string> {
  server = await startServer((app) => {
    app.get('/zip', PUBLIC, async (request, reply) => {
      await sendZip(request, reply, await gather(archives, entries));
      return reply;
    });
  });
  return `${server.origin}/zip`;
}

async function readBy(path: string): Promise<Read> {
  const { stdout } = await run('python3', ['-c', READER, path], { maxBuffer: 1e8, timeout: 120_000 });
  return JSON.parse(stdout) as Read;
}

async function saved(bytes: Buffer): Promise<string> {
  const path = join(folder, 'a.zip');
  await writeFile(path, bytes);
  await run('unzip', ['-tq', path], { timeout: 120_000, maxBuffer: 1e8 });
  return path;
}

describe('a ZIP', () => {
  it('holds names, times, bytes and empty folders, and is as long as it says', async () => {
    const url = await serve([
      directory('1', '照片'),
      file('2', 'больше.bin', 300_000, '1'),
      directory('3', 'empty', '1'),
      file('4', 'none.txt', 0, '1'),
      file('5', 'small.bin', 5),
    ]);
    const answer = await fetch(url);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/zip',
      'content-length': String(bytes.length),
      'content-disposition':
        'attachment; filename="????.zip"; filename*=UTF-8\'\'%D0%A4%D0%BE%D1%82%D0%BE.zip',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'none',
    });
    const { bad, members } = await readBy(await saved(bytes));
    expect(bad).toBeNull();
    const sha = (size: number) => createHash('sha256').update(bytesOf(0, size)).digest('hex');
    const seen = members
      .slice(0, 5)
      .map(({ name, size, folder: isFolder, sha: hash }) => [name, size, isFolder, hash]);
    expect(seen).toEqual([
      ['照片/', 0, true, sha(0)],
      ['照片/больше.bin', 300_000, false, sha(300_000)],
      ['照片/empty/', 0, true, sha(0)],
      ['照片/none.txt', 0, false, sha(0)],
      ['small.bin', 5, false, sha(5)],
    ]);
    expect(members.every(({ utf8 }) => utf8)).toBe(true);
    expect(members[1]?.time).toEqual([2021, 5, 6, 7, 8, 10]);
    expect(downloads.open).toBe(0);
    const head = await fetch(url, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(bytes.length));
  });

  it('of nothing at all is still one', async () => {
    const answer = await fetch(await serve([]));
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes.toString('latin1').startsWith('PK\u0005\u0006')).toBe(true);
    expect(bytes).toHaveLength(22);
  });

  it('unpacks inside of its folder, whatever the names are', async () => {
    const evil = [
      '../../evil',
      '/abs',
      'C:\\x',
      '..',
      'con',
      'a\nb',
      'same',
      'SAME',
      '\u202egpj.exe',
      '~',
      '-rf',
    ];
    const answer = await fetch(await serve(evil.map((name, index) => file(String(index), name, 10))));
    const path = await saved(Buffer.from(await answer.arrayBuffer()));
    const { members, count } = await readBy(path);
    expect(count).toBe(evil.length);
    for (const { name } of members) {
      expect(name).not.toMatch(/(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[a-z]:|[\\\n\u202e]/i);
    }
    const { stdout } = await run('unzip', ['-l', path]);
    expect(stdout).toContain(`${evil.length} files`);
    expect(new Set(members.map(({ name }) => name.toLowerCase())).size).toBe(evil.length);
  });

  it('of more than 65 535 members is read by others', async () => {
    const entries = Array.from({ length: 70_000 }, (_, index) =>
      file(String(index), `${index}.txt`, index % 100 === 0 ? 7 : 0),
    );
    const answer = await fetch(await serve(entries));
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes).toHaveLength(Number(answer.headers.get('content-length')));
    const { bad, count, members } = await readBy(await saved(bytes));
    expect([bad, count, members.at(-1)?.name]).toEqual([null, 70_000, '69999.txt']);
  }, 120_000);

  it('of more than 4 GiB is read by others', async () => {
    const large = 4 * 1024 ** 3 + 12_345;
    const zeros = Buffer.alloc(4 * 1024 * 1024);
    const archive: Archive = {
      ...{ name: 'large', owner: '~1', bytes: large, close: () => {} },
      entries: [file('1', 'large.bin', large), file('2', 'behind.bin', 1000), file('3', 'none', 0)],
      open: async ({ size }) => ({
        length: size,
        close: async () => {},
        chunks: (async function* () {
          if (size < zeros.length) yield bytesOf(0, size);
          else
            for (let left = size; left > 0; left -= zeros.length)
              yield zeros.subarray(0, Math.min(left, zeros.length));
        })(),
      }),
    };
    const path = join(folder, 'large.zip');
    const zip = await ZipStream.of(archive);
    const handle = await open(path, 'w');
    let at = 0;
    for await (const chunk of zip.chunks(new AbortController().signal)) {
      // Zeros are left out: the file is a sparse one.
      if (chunk.length < 12_345) await handle.write(chunk, 0, chunk.length, at);
      at += chunk.length;
    }
    await handle.close();
    expect(at).toBe(zip.length);
    await run('unzip', ['-tq', path], { timeout: 120_000 });
    const { bad, members } = await readBy(path);
    expect(bad).toBeNull();
    const behind = createHash('sha256').update(bytesOf(0, 1000)).digest('hex');
    expect(members.slice(0, 3)).toMatchObject([{ size: large }, { size: 1000, sha: behind }, { size: 0 }]);
    expect(members[1]?.offset).toBeGreaterThan(2 ** 32);
    await rm(path);
  }, 180_000);
});

describe('sending a ZIP', () => {
  it.each(['failAfter', 'endAfter'] as const)('cuts the connection when a file breaks (%s)', async (how) => {
    downloads[how] = 100_000;
    const url = await serve([file('1', 'a', 50_000), file('2', 'b', 900_000), file('3', 'c', 10)]);
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await until(() => downloads.open === 0, 'everything to be closed');
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
  });

  it('says so when the first file cannot be opened, and gives its place back', async () => {
    downloads.read = async () => {
      throw new OsproxyError('Locked', 'It is held back.', { retryAfterSeconds: 3 });
    };
    const url = await serve([file('1', 'a', 50_000)]);
    for (let time = 0; time < 3; time += 1) {
      const answer = await fetch(url);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([423, '3']);
      await answer.text();
    }
  });

  it('reads no faster than the client, and closes everything when it goes', async () => {
    const url = new URL(
      await serve(Array.from({ length: 20 }, (_, index) => file(String(index), `${index}`, 50_000_000))),
    );
    const client = new RawClient(Number(url.port));
    client.socket.pause();
    client.send('GET /zip HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => downloads.chunksMade > 0, 'the first bytes');
    let before = -1;
    await until(() => {
      const still = before === downloads.chunksMade;
      before = downloads.chunksMade;
      return still;
    }, 'the pace of the client');
    expect(downloads.chunksMade * downloads.chunkSize).toBeLessThan(100_000_000);
    expect(downloads.open).toBeLessThanOrEqual(2);
    client.socket.destroy();
    await until(() => downloads.open === 0, 'everything to be closed');
  });

  it('closes a file whose bytes never come when the client goes', async () => {
    downloads.hangAfter = 65_536;
    const url = new URL(await serve([file('1', 'a', 500_000), file('2', 'b', 500_000)]));
    const client = new RawClient(Number(url.port)).send('GET /zip HTTP/1.1\r\nhost: x\r\n\r\n');
    await client.hears('PK');
    client.socket.destroy();
    await until(() => downloads.open === 0, 'everything to be closed');
  });
});

describe('Archives', () => {
  const three = [file('1', 'a', 10), file('2', 'b', 10), file('3', 'c', 10)];

  it('refuses more members, more bytes and more at once than allowed, and forgets those that ended', async () => {
    const code = (promise: Promise<unknown>) =>
      promise.then(
        () => 'none',
        (error: unknown) => (error as OsproxyError).code,
      );
    expect(await code(gather(new Archives({ ...LIMITS, maxEntries: 2 }), three))).toBe('TooLarge');
    expect(await code(gather(new Archives({ ...LIMITS, maxBytes: 29 }), three))).toBe('TooLarge');
    const archives = new Archives({ ...LIMITS, maxBytes: 30 });
    expect(await code(gather(archives, [...three, file('4', 'd', 1)]))).toBe('TooLarge');
    const first = await gather(archives, three);
    expect(await code(gather(archives, three))).toBe('RateLimited');
    first.close();
    first.close();
    const second = await gather(archives, three);
    expect(await code(gather(archives, three))).toBe('RateLimited');
    second.close();
  });
});
