import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import { announced } from '#core/events/announced-metadata.ts';
import type { Verdict } from '#core/holds.ts';
import { Idempotency } from '#core/idempotency.ts';
import { Ingest } from '#core/ingest.ts';
import type { OwnJob } from '#core/tasks/own-job.ts';
import { type OwnTask, ownTaskType } from '#core/tasks/own-task.ts';
import { TaskSubmission } from '#core/tasks/submission.ts';
import { Triggers } from '#core/tasks/triggers.ts';
import { Uploads } from '#core/uploads.ts';
import { loadTask } from '#drivers/task-modules/index.ts';
import { chunksOf, openRig, owner, type Rig, sha256, some } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const ANY = { type: 'object' };

/** A rig with one task of somebody's own, wired as the service wires it. */
async function open(own: Omit<OwnTask, 'type' | 'schema'> & Partial<OwnTask>): Promise<void> {
  const task: OwnTask = { type: 'mine', schema: ANY, ...own };
  rig = await openRig({
    types: (parts) => {
      const uploadsOf = (except: string) => {
        const { ids, settings } = rig;
        const triggers = new Triggers(rig.types, { ids, taskAttempts: settings.taskAttempts });
        const metadata = announced(rig.plain, {
          within: (event, at, repositories) => triggers.follow(event, at, repositories, except),
          after: () => {},
        });
        const made = { ...rig, metadata };
        const holders = {
          holding: (ready: Parameters<Triggers['holding']>[0]) => triggers.holding(ready, except),
        };
        return new Uploads({ ...made, holders, ingest: new Ingest(made) });
      };
      const idempotency = new Idempotency(parts.metadata, parts.clock);
      return [ownTaskType({ ...parts, idempotency, uploadsOf }, task)];
    },
  });
}

const write = (name: string, bytes = some(10), by = 'a') =>
  rig.uploads.writeFile({ owner: by, name }, chunksOf(bytes));
const only = () => ({ types: rig.types.filter(({ type }) => type === 'mine') });
const submission = () => new TaskSubmission({ ...rig, types: rig.types });
const submit = (payload: unknown = {}) => submission().submit({ type: 'mine', payload }, COMMAND);
const task = async (id: string) => rig.metadata.tasks.find(id);
const until = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 15_000, interval: 10 });
const ended = (id: string, state: string) => until(async () => expect((await task(id))?.state).toBe(state));
const names = async () => {
  const page = { owner: undefined, after: undefined, limit: 100, namePrefix: undefined };
  return (await rig.metadata.files.list(page)).map(({ name }) => name);
};

describe('what a handler may use', () => {
  it('finds, lists and reads files, whole and in part', async () => {
    const seen: unknown[] = [];
    await open({
      handle: async (payload, { files, id, attempt }) => {
        const { uid } = payload as { uid: string };
        const { name, size, state } = (await files.find(uid)) ?? {};
        seen.push({ name, size, state, attempt, id });
        for await (const file of files.list({ owner: 'a', prefix: 'o' })) seen.push(file.name);
        const chunks: Uint8Array[] = [];
        for await (const chunk of files.read(uid)) chunks.push(Buffer.from(chunk));
        for await (const chunk of files.read(uid, { offset: 1, length: 2 })) chunks.push(Buffer.from(chunk));
        seen.push(Buffer.concat(chunks).toString(), await files.find('77'));
      },
    });
    const { uid } = await write('one.txt', Buffer.from('abcd'));
    for (const name of ['two.txt', 'other.txt']) await write(name);
    await write('o.txt', some(1), 'b');
    await rig.startRunner();
    const { id } = await submit({ uid });
    await ended(id, 'done');
    expect(seen).toEqual([
      { name: 'one.txt', size: 4, state: 'ready', attempt: 1, id },
      ...['other.txt', 'one.txt', 'abcdbc', undefined],
    ]);
  });

  it('puts files once, however often it is tried', async () => {
    let tries = 0;
    await open({
      handle: async (_payload, { files }) => {
        tries += 1;
        const first = await files.put({ owner: 'a', name: 'first', content: 'text' });
        const second = await files.put({ owner: 'a', name: 'second', content: some(1000), key: 'b' });
        if (tries < 3) throw new Error('not yet');
        expect([first.size, second.size]).toEqual([4, 1000]);
      },
    });
    await rig.startRunner();
    const { id } = await submit();
    await ended(id, 'done');
    expect(tries).toBe(3);
    expect((await names()).toSorted()).toEqual(['first', 'second']);
  });

  it('puts nothing any more once another node has the task', async () => {
    const goOn = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<unknown>();
    await open({
      handle: async (_payload, { files }) => {
        const content = (async function* () {
          yield some(10);
          await goOn.promise;
        })();
        await files.put({ owner: 'a', name: 'late', content }).catch(failed.resolve);
      },
    });
    const runner = await rig.startRunner({ ...only(), leaseMs: 60_000 });
    const { id } = await submit();
    await until(() => expect(runner.running).toBe(1));
    await rig.metadata.transaction((r) =>
      r.tasks.claimThis(id, { node: 'n2', now: rig.clock.now() + 1e9, leaseMs: 1e9 }),
    );
    goOn.resolve();
    expect(await failed.promise).toMatchObject({ code: 'Conflict' });
    expect(await names()).toEqual([]);
    expect((await task(id))?.node).toBe('n2');
    await runner.stop();
  });

  it('may not read what is held back, nor do anything after its attempt', async () => {
    let kept: OwnJob | undefined;
    await open({
      handle: (_payload, job) => {
        kept = job;
      },
    });
    await rig.startRunner();
    const { id } = await submit();
    await ended(id, 'done');
    for (const call of [
      () => kept?.files.find('1'),
      () => kept?.files.put({ owner: 'a', name: 'x', content: 'x' }),
      () => kept?.files.read('1')[Symbol.asyncIterator]().next(),
      () => kept?.files.list()[Symbol.asyncIterator]().next(),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'Cancelled' });
  });

  it('is not called by the files that it puts itself', async () => {
    const handled: string[] = [];
    await open({
      on: [{ event: 'file.ready' }],
      handle: async (payload, { files }) => {
        const { uid } = payload as { uid: string };
        handled.push(uid);
        await files.put({ owner: 'a', name: `derived from ${uid}`, content: 'x' });
      },
    });
    await rig.startRunner();
    const { uid } = await write('one');
    await until(async () => expect(await names()).toEqual([`derived from ${uid}`, 'one']));
    await until(async () => expect((await rig.metadata.tasks.list({ state: 'done' }, 9)).length).toBe(1));
    expect(await rig.metadata.tasks.list({ type: 'mine' }, 9)).toHaveLength(1);
    expect(handled).toEqual([uid]);
  });
});

describe('a handler that misbehaves', () => {
  it('and throws is tried again, and says so in its own words', async () => {
    await open({
      attempts: 2,
      handle: () => {
        throw new Error('No paper.');
      },
    });
    await rig.startRunner();
    const { id, maxAttempts } = await submit();
    expect(maxAttempts).toBe(2);
    await ended(id, 'failed');
    expect((await task(id))?.lastError).toContain('Internal: The handler of "mine" failed: No paper.');
  });

  it('and throws what is no error', async () => {
    await open({
      attempts: 1,
      handle: () => Promise.reject('text'),
    });
    await rig.startRunner();
    const { id } = await submit();
    await ended(id, 'failed');
    expect((await task(id))?.lastError).toContain('failed: text');
  });

  it('and hangs is told to end, then left alone, and others go on', async () => {
    const signals: AbortSignal[] = [];
    await open({
      attempts: 1,
      timeoutSeconds: 1,
      handle: async (payload, { signal }) => {
        if ((payload as { hang?: boolean }).hang !== true) return;
        signals.push(signal);
        await new Promise(() => {});
      },
    });
    await rig.startRunner({ concurrency: 2 });
    const hanging = await submit({ hang: true });
    await until(() => expect(signals).toHaveLength(1));
    const other = await submit();
    await ended(other.id, 'done');
    await ended(hanging.id, 'failed');
    expect(signals[0]?.aborted).toBe(true);
    expect((await task(hanging.id))?.lastError).toContain('took longer than 1 seconds');
  }, 20_000);

  it('and does not care that the process stops holds it up for seconds only', async () => {
    await open({ handle: () => new Promise(() => {}) });
    const runner = await rig.startRunner(only());
    const { id } = await submit();
    await until(() => expect(runner.running).toBe(1));
    const begun = Date.now();
    await runner.stop();
    expect(Date.now() - begun).toBeLessThan(10_000);
    expect(await task(id)).toMatchObject({ state: 'pending', attempts: 0 });
  }, 20_000);

  it('is not asked where its pre-check says no, nor for a payload that does not fit', async () => {
    let asked = 0;
    await open({
      schema: { type: 'object', properties: { n: { type: 'integer' } } },
      precheck: (payload) => (payload as { n?: number }).n === 1,
      handle: () => {
        asked += 1;
      },
    });
    await rig.startRunner();
    for (const n of [1, 2]) await ended((await submit({ n })).id, 'done');
    expect(asked).toBe(1);
    const poison = { type: 'mine', key: 'p', payload: { n: 'x' }, maxAttempts: 3 };
    await rig.metadata.transaction((r) => r.tasks.enqueue('5', poison, 1));
    await ended('5', 'failed');
    expect(asked).toBe(1);
  });
});

describe('a handler that holds files', () => {
  const holding = (judge: (uid: string, job: OwnJob) => unknown, more: Partial<OwnTask> = {}) =>
    open({
      ...more,
      on: [{ event: 'file.ready', categories: ['doc'], holds: true }],
      handle: (payload, job) => judge((payload as { uid: string }).uid, job),
    });
  const state = async (uid: string) => (await rig.metadata.files.find(uid))?.state;

  it('reads the file that it judges, and no other that is held', async () => {
    const codes: unknown[] = [];
    await holding(async (uid, { files }) => {
      for await (const file of files.list()) codes.push(file.name);
      let text = '';
      for await (const chunk of files.read(uid)) text += Buffer.from(chunk).toString();
      const other = (await rig.metadata.holds.list(undefined, 9)).find((hold) => hold.uid !== uid);
      if (other !== undefined)
        await files
          .read(other.uid)
          [Symbol.asyncIterator]()
          .next()
          .catch((error) => codes.push(error.code));
      return text.includes('bad') ? { no: 'It says bad things.' } : { yes: true };
    });
    const bad = await write('a.txt', Buffer.from('so bad'));
    const good = await write('b.txt', Buffer.from('fine'));
    await rig.startRunner({ concurrency: 1 });
    await until(async () =>
      expect([await state(bad.uid), await state(good.uid)]).toEqual(['rejected', 'ready']),
    );
    expect(codes).toEqual(['Locked']);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['true', true],
    ['no reason', { no: '' }],
    ['yes as a word', { yes: 'yes' }],
  ])('and answers %s has not decided', async (_what, answer) => {
    await holding(() => answer as Verdict, { attempts: 1 });
    await rig.startRunner();
    const { uid } = await write('a.txt');
    await until(async () =>
      expect((await rig.metadata.tasks.list({ type: 'mine' }, 1))[0]).toMatchObject({
        state: 'failed',
        lastError: expect.stringContaining('gave no verdict'),
      }),
    );
    expect(await state(uid)).toBe('held');
  });

  it('leaves it to people', async () => {
    await holding(() => ({ undecided: 'I do not know this language.' }));
    await rig.startRunner();
    const { uid } = await write('a.txt');
    await until(async () =>
      expect(await rig.metadata.holds.of(uid)).toMatchObject([{ reason: 'I do not know this language.' }]),
    );
    expect(await state(uid)).toBe('held');
    await rig.files.delete(owner, uid);
  });
});

describe('submitting', () => {
  it('refuses other types, payloads that do not fit, and a key that waits', async () => {
    await open({
      schema: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
      handle: () => {},
    });
    const own = new TaskSubmission({ ...rig, types: rig.types.filter(({ type }) => type === 'mine') });
    await expect(own.submit({ type: 'purge', payload: {} }, COMMAND)).rejects.toThrowError(
      '"purge" is no type of task that may be submitted; there is "mine".',
    );
    await expect(own.submit({ type: 'mine', payload: { n: 'x' } }, COMMAND)).rejects.toMatchObject({
      code: 'InvalidArgument',
      details: { field: 'payload.n' },
    });
    const wanted = { type: 'mine', payload: { n: 1 }, key: 'k', runAt: rig.clock.now() + 60_000 };
    expect(await own.submit(wanted, COMMAND)).toMatchObject({ state: 'pending', runAt: wanted.runAt });
    await expect(own.submit(wanted, COMMAND)).rejects.toMatchObject({ code: 'Conflict' });
  });
});

describe('docs/examples/checksum-manifest.ts', () => {
  it('writes what sha256sum can check', async () => {
    const example = fileURLToPath(new URL('../../../docs/examples/checksum-manifest.ts', import.meta.url));
    const loaded = await loadTask(example);
    await open({ ...loaded, type: 'mine' });
    const folder = await mkdtemp(join(tmpdir(), 'osproxy-sums-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const files: [string, Buffer][] = [
      ['plain.txt', Buffer.from('plain')],
      ['plain.txt', Buffer.from('another of this name')],
      ['with space 😀.bin', some(100_000)],
      ['back\\slash', some(10)],
      ['empty', Buffer.alloc(0)],
    ];
    const uids: string[] = [];
    for (const [name, bytes] of files) uids.push((await write(name, bytes)).uid);
    const parts = await rig.uploads.create({ owner: 'a', name: 'parts.bin' });
    const halves = [some(50), some(60)];
    for (const [index, half] of halves.entries())
      await rig.uploads.writePart(parts.uid, index + 1, chunksOf(half), {});
    await rig.uploads.complete(parts.uid, { sha256: sha256(Buffer.concat(halves)) });
    files.push(['parts.bin', Buffer.concat(halves)]);
    uids.push(parts.uid);
    await write('of somebody else', some(10), 'b');
    await rig.startRunner(only());
    const { id } = await submit({ owner: 'a' });
    await ended(id, 'done');
    const page = { owner: 'a', after: undefined, limit: 9, namePrefix: 'SHA256SUMS-' };
    const [manifest] = await rig.metadata.files.list(page);
    expect(manifest?.name).toBe('SHA256SUMS-a.txt');
    const text = await rig.read(manifest?.uid ?? '');
    expect(text.toString().split('\n')).toHaveLength(files.length + 1);
    for (const [index, [name, bytes]] of files.entries()) {
      const path = join(folder, uids[index] ?? '', name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    }
    await writeFile(join(folder, 'SHA256SUMS'), text);
    const checked = await promisify(execFile)('sha256sum', ['-c', '--strict', 'SHA256SUMS'], { cwd: folder });
    expect(checked.stdout.match(/: OK$/gm)).toHaveLength(files.length);
    const again = await submit({ owner: 'a' });
    await ended(again.id, 'done');
    const both = await rig.metadata.files.list(page);
    expect(both.map(({ sha256 }) => sha256)).toEqual([manifest?.sha256, manifest?.sha256]);
  });
});
