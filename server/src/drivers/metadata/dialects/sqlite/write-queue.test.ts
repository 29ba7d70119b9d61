import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteConnection } from './connection.ts';
import { WalSync } from './wal-sync.ts';
import { WriteQueue } from './write-queue.ts';

const BUSY_MS = 1000;

let folder: string;
let connection: SqliteConnection;
let other: SqliteConnection;
let queue: WriteQueue;
let commits: number;
/** What a sync waits for. */
let disk: Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-queue-'));
  const path = join(folder, 'queue.db');
  connection = new SqliteConnection(path, { readOnly: false, cacheKiB: 1024 });
  connection.script(
    'pragma journal_mode = wal; create table notes (id integer primary key, text text not null)',
  );
  other = new SqliteConnection(path, { readOnly: false, cacheKiB: 1024 });
  commits = 0;
  disk = Promise.resolve();
  const sync = new WalSync(
    0,
    () => disk,
    () => {},
  );
  const onCommit = () => {
    commits += 1;
  };
  queue = new WriteQueue(connection, sync, onCommit, BUSY_MS);
});

afterEach(async () => {
  connection.close();
  other.close();
  await rm(folder, { recursive: true });
});

const add = (id: number, text = 'x') =>
  queue.run((session) => session.execute('insert into notes values (?, ?)', [id, text]));
const ids = () =>
  other.execute('select id from notes order by id', []).rows.map((row) => Number((row as { id: bigint }).id));

describe('WriteQueue', () => {
  it('joins what waits into few commits and answers each on its own', async () => {
    const wanted = Array.from({ length: 60 }, (_, i) => i + 1);
    const jobs = await Promise.allSettled([...wanted, 1].map((id) => add(id)));
    expect(jobs.slice(0, 60).every((job) => job.status === 'fulfilled')).toBe(true);
    expect(jobs[60]).toMatchObject({ status: 'rejected', reason: { code: 'AlreadyExists' } });
    expect(ids()).toEqual(wanted);
    expect(commits).toBeLessThan(30);
  });

  it('lets those who come while the disk writes share the next commit', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    disk = promise;
    const first = add(1);
    await expect.poll(() => commits).toBe(1);
    const others: Promise<unknown>[] = [];
    for (let id = 2; id <= 10; id += 1) {
      others.push(add(id));
      await new Promise((done) => setTimeout(done, 2));
    }
    expect(commits).toBe(1);
    resolve();
    await Promise.all([first, ...others]);
    expect(commits).toBe(2);
    expect(ids()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('does not wait for the disk while there is enough for a commit', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    disk = promise;
    const jobs = [add(1)];
    await expect.poll(() => commits).toBe(1);
    for (let id = 2; id <= 200; id += 1) jobs.push(add(id));
    // Of 199 fewer than 64 are left over.
    await expect.poll(() => ids().length).toBeGreaterThan(200 - 64);
    resolve();
    await Promise.all(jobs);
    expect(ids()).toHaveLength(200);
  });

  it('runs what was left for the end of a commit in order, and not for those who failed', async () => {
    const leaving = (id: number, fails = false) =>
      queue.run(async (session) => {
        await session.execute('insert into notes values (?, ?)', [id, 'new']);
        session.atCommit?.('update notes set text = text || ? where id = ?', [' first', id]);
        session.atCommit?.('update notes set text = text || ? where id = ?', [' second', id]);
        session.atCommit?.('insert into notes values (?, ?)', [id + 100, 'late']);
        if (fails) throw new Error('stop');
      });
    const jobs = await Promise.allSettled([leaving(1), leaving(2, true), leaving(3)]);
    expect(jobs.map((job) => job.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await leaving(4);
    await expect(leaving(5, true)).rejects.toThrow('stop');
    const rows = other.execute('select text from notes where id < 100 order by id', []).rows;
    expect(rows).toEqual(Array(3).fill({ text: 'new first second' }));
    expect(ids()).toEqual([1, 3, 4, 101, 103, 104]);
  });

  it('undoes a transaction whose end cannot be run, and no other', async () => {
    const jobs = await Promise.allSettled([
      add(1),
      queue.run(async (session) => {
        await session.execute('insert into notes values (?, ?)', [2, 'x']);
        session.atCommit?.('insert into notes values (?, ?)', [1, 'taken']);
      }),
      add(3),
    ]);
    expect(jobs.map((job) => job.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(jobs[1]).toMatchObject({ reason: { code: 'AlreadyExists' } });
    expect(ids()).toEqual([1, 3]);
  });

  it('counts no commit where nothing was written', async () => {
    await queue.run((session) => session.execute('select 1', []));
    await expect(queue.run(() => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
    expect(commits).toBe(0);
  });

  it('gives only the one that does not fit a full disk, and goes on after it', async () => {
    connection.script('pragma max_page_count = 20');
    const jobs = await Promise.allSettled([add(1), add(2, 'y'.repeat(500_000)), add(3)]);
    expect(jobs.map((job) => job.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(jobs[1]).toMatchObject({ reason: { code: 'QuotaExceeded' } });
    expect(ids()).toEqual([1, 3]);
    await add(4);
    expect(ids()).toEqual([1, 3, 4]);
  });

  it('runs the members of a lost commit again, each alone', async () => {
    let ends = 2;
    const runs: number[] = [];
    const work = (id: number) =>
      queue.run(async (session) => {
        runs.push(id);
        await session.execute('insert into notes values (?, ?)', [id, 'x']);
        // As SQLite itself does when the log cannot be written.
        if (id === 2 && ends-- > 0) connection.script('rollback');
      });
    const jobs = await Promise.allSettled([work(1), work(2), work(3)]);
    expect(jobs.map((job) => job.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(jobs[1]).toMatchObject({ reason: { code: 'Internal' } });
    expect(ids()).toEqual([1, 3]);
    expect(runs).toEqual([1, 2, 1, 2, 3]);
  });

  it('waits for another process, and gives up in time', async () => {
    other.script('begin immediate');
    const patient = add(1);
    setTimeout(() => other.script('rollback'), BUSY_MS / 10);
    await patient;
    other.script('begin immediate');
    await expect(add(2)).rejects.toMatchObject({ code: 'Unavailable', retryable: true });
    other.script('rollback');
    await add(3);
    expect(ids()).toEqual([1, 3]);
  });

  it('lets an exclusive action run while no transaction is open', async () => {
    const order: string[] = [];
    const jobs = [
      add(1).then(() => order.push('before')),
      queue.exclusive(async () => {
        expect(connection.inTransaction).toBe(false);
        other.script('begin immediate');
        await new Promise((resolve) => setTimeout(resolve, 20));
        other.script('commit');
        order.push('exclusive');
      }),
      add(2).then(() => order.push('after')),
    ];
    await Promise.all(jobs);
    expect(order[0]).toBe('exclusive');
    await expect(queue.exclusive(() => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
    await add(3);
    await queue.idle();
    expect(ids()).toEqual([1, 2, 3]);
  });
});
