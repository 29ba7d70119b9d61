import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FileRecord } from '#core/model/file.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { type MetadataOptions, openMetadata } from '../../index.ts';
import { migrationsFor } from '../../migrations/index.ts';
import { sqlite } from './dialect.ts';
import { syncFile } from './wal-sync.ts';

let folder: string;
let path: string;
let opened: Metadata[];
let logged: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-sqlite-'));
  path = join(folder, 'data', 'osproxy.db');
  opened = [];
  logged = [];
});

afterEach(async () => {
  for (const metadata of opened) await metadata.close();
  await rm(folder, { recursive: true });
});

const logger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (_, message) => void logged.push(message),
  error: (_, message) => void logged.push(message),
  child: () => logger,
};

async function open(options: Partial<MetadataOptions> = {}): Promise<Metadata> {
  const metadata = await openMetadata(`sqlite:${path}`, { logger, ...options });
  opened.push(metadata);
  return metadata;
}

async function openMigrated(options: Partial<MetadataOptions> = {}): Promise<Metadata> {
  const metadata = await open(options);
  await metadata.migrate();
  return metadata;
}

let last = 0;
function file(name = 'x'.repeat(2000)): FileRecord {
  last += 1;
  return {
    uid: String(last),
    owner: 'owner',
    name,
    contentType: 'text/plain',
    size: 0,
    state: 'ready',
    rejectedReason: undefined,
    manifestId: '1',
    generation: 1,
    linkEpoch: 0,
    md5: undefined,
    sha256: undefined,
    verified: false,
    createdAt: 1,
    updatedAt: 1,
    deletedAt: undefined,
  };
}

const put = (metadata: Metadata, record = file()) =>
  metadata.transaction(({ files }) => files.insert(record));
const logBytes = async () => (await stat(`${path}-wal`)).size;

describe('opening', () => {
  it('makes the file for its owner alone, and its folder', async () => {
    await openMigrated();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(`${path}-wal`)).mode & 0o777).toBe(0o600);
  });

  it('says what is wrong with a path, a URL and a file of another kind', async () => {
    await writeFile(join(folder, 'plain'), 'x');
    const below = openMetadata(`sqlite:${join(folder, 'plain', 'x.db')}`, { logger });
    await expect(below).rejects.toMatchObject({ code: 'PermissionDenied' });
    await expect(openMetadata('redis://x', { logger })).rejects.toMatchObject({ code: 'InvalidArgument' });
    await mkdir(join(folder, 'data'));
    await writeFile(path, 'this is no database, however long it may be. '.repeat(100));
    const other = open();
    await expect(other).rejects.toMatchObject({
      code: 'Internal',
      message: expect.stringContaining('not an SQLite'),
    });
  });

  it('refuses a database that a newer build has migrated, and leaves it as it is', async () => {
    await (await openMigrated()).close();
    const raw = new DatabaseSync(path);
    raw.exec("insert into schema_migrations values ('9999-of-tomorrow', '2099-01-01T00:00:00.000Z')");
    raw.close();
    const metadata = await open();
    const refused = { code: 'Conflict', message: expect.stringContaining('9999-of-tomorrow') };
    await expect(metadata.migrate()).rejects.toMatchObject(refused);
    await expect(metadata.schema()).rejects.toMatchObject(refused);
  });

  it('knows what a new database lacks before it is migrated', async () => {
    const metadata = await open();
    const all = Object.keys(migrationsFor(sqlite.columnTypes));
    expect(all).toEqual(all.toSorted());
    expect(await metadata.schema()).toEqual({ applied: [], pending: all });
    expect(await metadata.migrate()).toEqual({ applied: all, pending: [] });
  });
});

describe('durability', () => {
  it('resolves a transaction only after a sync of the log that started after its commit', async () => {
    const events: string[] = [];
    const sync = async (descriptor: number) => {
      events.push('start');
      await syncFile(descriptor);
      events.push('end');
    };
    const metadata = await openMigrated({ sync });
    events.length = 0;
    await put(metadata);
    expect(events).toEqual(['start', 'end']);
    const writes = Array.from({ length: 500 }, () => put(metadata));
    await Promise.all(writes);
    expect(events.filter((event) => event === 'end').length).toBeLessThan(400);
  });

  it('refuses all writes once a sync failed, also those that waited, and goes on reading', async () => {
    let broken = false;
    const sync = (descriptor: number) => (broken ? Promise.reject(new Error('EIO')) : syncFile(descriptor));
    const metadata = await openMigrated({ sync });
    const kept = file('kept');
    await put(metadata, kept);
    broken = true;
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => put(metadata)));
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'Unavailable' } });
    broken = false;
    await expect(put(metadata)).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(metadata.ping()).rejects.toMatchObject({ code: 'Unavailable' });
    expect(await metadata.files.find(kept.uid)).toEqual(kept);
    expect(logged).toHaveLength(1);
    await metadata.close();
    const again = await open();
    await put(again);
    expect(await again.files.find(kept.uid)).toEqual(kept);
  });

  it('holds back a refusal that rests on a commit not yet durable', async () => {
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    let hold = false;
    const sync = async (descriptor: number) => {
      if (hold) {
        started.resolve();
        await release.promise;
      }
      await syncFile(descriptor);
    };
    const metadata = await openMigrated({ sync });
    hold = true;
    const record = file();
    const first = put(metadata, record);
    await started.promise;
    let answered = false;
    const second = put(metadata, record).finally(() => {
      answered = true;
    });
    second.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    release.resolve();
    await first;
    await expect(second).rejects.toMatchObject({ code: 'AlreadyExists' });
  });
});

describe('the log', () => {
  const MIB = 1024 * 1024;

  async function writeFor(metadata: Metadata, bytes: number): Promise<{ written: number; highest: number }> {
    let written = 0;
    let highest = 0;
    const one = async () => {
      while (written < bytes) {
        await put(metadata);
        // A commit writes at least the page of its row.
        written += 4096;
        if (written % (64 * 4096) === 0) highest = Math.max(highest, await logBytes());
      }
    };
    await Promise.all(Array.from({ length: 8 }, one));
    return { written, highest };
  }

  it('stays small under steady load, and is empty after close', async () => {
    const metadata = await openMigrated({ checkpoints: { intervalMs: 10, restartBytes: MIB } });
    const { written, highest } = await writeFor(metadata, 48 * MIB);
    expect(highest).toBeLessThan(written / 2);
    expect(logged).toEqual([]);
    await metadata.close();
    await expect(readFile(`${path}-wal`)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is reported when a reader keeps it from starting over, and recovers after', async () => {
    const checkpoints = { intervalMs: 10, restartBytes: MIB, warnBytes: 2 * MIB };
    const metadata = await openMigrated({ checkpoints });
    await put(metadata);
    const reader = new DatabaseSync(path);
    reader.exec('begin');
    reader.prepare('select count(*) from files').get();
    await writeFor(metadata, 6 * MIB);
    await vi.waitFor(() => expect(logged).toEqual([expect.stringContaining('keeps growing')]), 10_000);
    reader.exec('commit');
    reader.close();
    const noGrowth = async () => {
      const before = await logBytes();
      await writeFor(metadata, MIB);
      expect(await logBytes()).toBe(before);
    };
    await vi.waitFor(noGrowth, 15_000);
  });
});
