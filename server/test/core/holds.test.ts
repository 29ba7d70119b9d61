import { afterEach, describe, expect, it, vi } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import type { Verdict } from '#core/holds.ts';
import type { FileContent } from '#core/model/file.ts';
import type { Principal } from '#core/model/principal.ts';
import { type Judge, judgingType } from '#core/tasks/judging.ts';
import type { TaskType } from '#core/tasks/task-type.ts';
import { chunksOf, openRig, owner, type Rig, readAll, sha256, some, type TypeParts } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const anybody: Principal = {
  ...(owner as Extract<Principal, { kind: 'service' }>),
  scopes: new Set(['admin']),
};

interface Rules {
  readonly judge?: (content: FileContent) => Promise<Verdict>;
  readonly match?: Judge['match'];
  readonly scope?: 'owner' | 'installation';
  readonly more?: (parts: TypeParts) => readonly TaskType[];
}

/** A rig in which "scan" judges; its tasks are run by hand unless a runner is started. */
async function open({ judge = async () => ({ yes: true }), match = {}, scope, more = () => [] }: Rules = {}) {
  rig = await openRig({
    types: (parts) => [judgingType(parts, { type: 'scan', match, attempts: 2, judge }), ...more(parts)],
    ...(scope === undefined ? {} : { scope }),
  });
}

const write = (name: string, bytes = some(10), by = 'a') =>
  rig.uploads.writeFile({ owner: by, name }, chunksOf(bytes));
const judge = (uid: string) => rig.runTask('scan', { uid });
const tasks = async (type = 'scan') => (await rig.metadata.tasks.list({ type }, 100)).length;
const state = async (uid: string) => (await rig.metadata.files.find(uid))?.state;
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 });
async function told(uid: string): Promise<string[]> {
  await rig.metadata.transaction(({ events }) => events.sequence(1000));
  const events = await rig.metadata.events.after(undefined, 1000);
  return events.filter(({ subject }) => subject === uid).map(({ type }) => type);
}

describe('a file that somebody has to look at', () => {
  it('is held from its first moment in whichever way it comes, and its task is there', async () => {
    await open();
    const bytes = some(1000);
    const released = await write('first.bin', bytes);
    await judge(released.uid);
    const made = [released, await write('again.bin', bytes)];
    const instant = await rig.instant.claim({ owner: 'a', name: 'i.bin', sha256: sha256(bytes) });
    if (instant !== undefined) made.push(instant);
    const whole = await rig.uploads.create({ owner: 'a', name: 'whole.bin' });
    made.push(await rig.uploads.writeWhole(whole.uid, chunksOf(bytes), {}));
    expect(await rig.uploads.writeWhole(whole.uid, chunksOf(bytes), {})).toMatchObject({ state: 'held' });
    const parts = await rig.uploads.create({ owner: 'a', name: 'parts.bin' });
    for (const number of [1, 2]) await rig.uploads.writePart(parts.uid, number, chunksOf(some(50)), {});
    made.push(await rig.uploads.complete(parts.uid));
    expect(await rig.uploads.complete(parts.uid)).toMatchObject({ state: 'held' });
    expect(made.map((file) => file.state)).toEqual(made.map(() => 'held'));
    expect(made).toHaveLength(5);
    expect(await tasks()).toBe(5);
    for (const { uid } of made.slice(1)) {
      expect(await told(uid)).not.toContain('file.ready');
      expect(await told(uid)).toContain('file.held');
      await expect(rig.files.findReadable(owner, uid)).rejects.toMatchObject({
        code: 'Locked',
        retryable: true,
        retryAfterSeconds: 10,
      });
    }
  });

  it('can be read after a yes, and is told to be ready only then', async () => {
    await open();
    const bytes = some(100);
    const { uid } = await write('a.bin', bytes);
    expect(await told(uid)).toEqual(['file.held']);
    expect(await judge(uid)).toBe('done');
    expect((await rig.files.findReadable(owner, uid)).file.state).toBe('ready');
    expect(await rig.read(uid)).toEqual(bytes);
    expect(await told(uid)).toEqual(['file.held', 'file.ready']);
    expect(await judge(uid)).toBe('nothing to do');
  });

  it('is rejected by a no, with its reason, and its bytes are purged', async () => {
    await open({ judge: async () => ({ no: 'It is a virus.' }) });
    const { uid } = await write('a.bin');
    await judge(uid);
    expect(await told(uid)).toEqual(['file.held', 'file.rejected']);
    await expect(rig.files.findReadable(owner, uid)).rejects.toMatchObject({
      code: 'Conflict',
      message: 'This file cannot be read: It is a virus.',
    });
    rig.clock.offset = 5 * 3_600_000;
    await rig.purge();
    rig.clock.offset = 10 * 3_600_000;
    await rig.purge();
    expect(await rig.keysIn()).toEqual([]);
  });

  it('is not held where nobody asks for it', async () => {
    await open({ match: { categories: ['doc'] } });
    const [free, held] = [await write('a.jpg'), await write('a.docx')];
    expect([free.state, held.state]).toEqual(['ready', 'held']);
    expect(await told(free.uid)).toEqual(['file.ready']);
    expect(await tasks()).toBe(1);
  });

  it('never lends its bytes to an instant upload, whose copy somebody else might not look at', async () => {
    for (const scope of ['owner', 'installation'] as const) {
      await open({ match: { categories: ['doc'] }, scope });
      const bytes = some(100);
      const { uid } = await write('a.docx', bytes);
      const claim = () => rig.instant.claim({ owner: 'a', name: 'a.jpg', sha256: sha256(bytes) });
      expect(await claim()).toBeUndefined();
      await judge(uid);
      expect(await claim()).toMatchObject({ state: 'ready' });
      if (scope === 'owner') await rig.close();
    }
  });

  it('keeps its bytes while it waits, however long', async () => {
    await open();
    const bytes = some(100);
    const { uid } = await write('a.bin', bytes);
    const { uid: twin } = await write('b.bin', bytes);
    await rig.files.delete(owner, twin);
    rig.clock.offset = 1000 * 3_600_000;
    await rig.purge();
    await rig.purge();
    await judge(uid);
    expect(await rig.read(uid)).toEqual(bytes);
  });

  it('may be renamed and deleted meanwhile; a late verdict changes nothing', async () => {
    await open();
    const { uid } = await write('a.bin');
    expect(await rig.files.rename(owner, uid, 'b.bin')).toMatchObject({ state: 'held', name: 'b.bin' });
    await rig.files.delete(owner, uid);
    expect(await rig.metadata.holds.of(uid)).toEqual([]);
    expect(await judge(uid)).toBe('nothing to do');
    expect(await state(uid)).toBe('deleted');
    expect(await told(uid)).toEqual(['file.held', 'file.renamed', 'file.deleted']);
  });

  it('is deleted while it is looked at', async () => {
    await open({
      judge: async ({ file }) => {
        await rig.files.delete(owner, file.uid);
        return { yes: true };
      },
    });
    const { uid } = await write('a.bin');
    await judge(uid);
    expect(await state(uid)).toBe('deleted');
    expect(await told(uid)).toEqual(['file.held', 'file.deleted']);
  });

  it('looks whole to fsck', async () => {
    await open();
    const { uid } = await write('a.bin');
    expect((await rig.fsck({ deep: true })).findings).toEqual([]);
    for (const key of await rig.keysIn()) await rig.store.delete(key);
    expect((await rig.fsck({ repair: true })).findings).not.toEqual([]);
    expect(await state(uid)).toBe('rejected');
    expect(await rig.metadata.holds.of(uid)).toEqual([]);
  });
});

describe('a file in parts that is held', () => {
  async function inParts(sha?: string) {
    const { uid } = await rig.uploads.create({ owner: 'a', name: 'film.mp4' });
    const halves = [some(60), some(40)];
    for (const [index, half] of halves.entries())
      await rig.uploads.writePart(uid, index + 1, chunksOf(half), {});
    const file = await rig.uploads.complete(uid, sha === undefined ? {} : { sha256: sha });
    const compose = () => rig.runTask('compose', { uid, manifestId: file.manifestId });
    return { uid, bytes: Buffer.concat(halves), compose };
  }

  it('is verified first: it is told to be ready when it can be read, as verified', async () => {
    await open();
    const { uid, bytes, compose } = await inParts();
    await compose();
    expect(await rig.metadata.files.find(uid)).toMatchObject({ state: 'held', verified: true });
    expect(await told(uid)).toEqual(['upload.created', 'file.held']);
    await judge(uid);
    expect(await told(uid)).toEqual(['upload.created', 'file.held', 'file.ready']);
    const ready = (await rig.metadata.events.after(undefined, 100)).find(({ type }) => type === 'file.ready');
    expect(ready?.data).toMatchObject({ verified: true, sha256: sha256(bytes) });
    expect(await rig.read(uid)).toEqual(bytes);
  });

  it('is released first: it is verified afterwards', async () => {
    await open();
    const { uid, compose } = await inParts();
    await judge(uid);
    await compose();
    expect(await told(uid)).toEqual(['upload.created', 'file.held', 'file.ready', 'file.verified']);
  });

  it('is rejected by verification: nobody need look any more', async () => {
    await open();
    const { uid, compose } = await inParts('0'.repeat(64));
    await compose();
    expect(await state(uid)).toBe('rejected');
    expect(await rig.metadata.holds.of(uid)).toEqual([]);
    expect(await judge(uid)).toBe('nothing to do');
    expect(await told(uid)).toEqual(['upload.created', 'file.held', 'file.rejected']);
  });

  it('is read from its own parts while it moves to joined bytes', async () => {
    const moved: string[] = [];
    await open({
      judge: async (content) => {
        await rig.runTask('compose', { uid: content.file.uid, manifestId: content.file.manifestId });
        const body = await rig.downloads.read(content, undefined, undefined);
        moved.push(sha256(await readAll(body.chunks)));
        return { yes: true };
      },
    });
    const { uid, bytes } = await inParts();
    await judge(uid);
    expect(moved).toEqual([sha256(bytes)]);
    expect(await state(uid)).toBe('ready');
  });
});

describe('an administrator', () => {
  it('sees what is held, and releases or rejects it', async () => {
    await open({ judge: async () => ({ undecided: 'It is too large to be looked at.' }) });
    const made = [await write('a.bin'), await write('b.bin'), await write('c.bin')];
    const [first, second, third] = made.map(({ uid }) => uid) as [string, string, string];
    await judge(first);
    const page = await rig.holds.list(undefined, 2);
    expect(page.held.map(({ file, hold }) => [file.uid, hold.type, hold.reason])).toEqual([
      [first, 'scan', 'It is too large to be looked at.'],
      [second, 'scan', undefined],
    ]);
    const rest = await rig.holds.list(page.next, 2);
    expect(rest.held.map(({ file }) => file.uid)).toEqual([third]);
    expect(rest.next).toBeUndefined();
    expect(await rig.holds.release(first, COMMAND)).toMatchObject({ state: 'ready' });
    expect(await rig.holds.reject(second, 'No.', COMMAND)).toMatchObject({
      state: 'rejected',
      rejectedReason: 'No.',
    });
    expect((await rig.holds.list(undefined, 10)).held).toHaveLength(1);
    expect(await told(first)).toEqual(['file.held', 'file.ready']);
    expect(await told(second)).toEqual(['file.held', 'file.rejected']);
    await expect(rig.holds.release(first, COMMAND)).rejects.toMatchObject({
      code: 'Conflict',
      message: `File ${first} is not held back; it is ready.`,
    });
    await expect(rig.holds.reject('77', 'x', COMMAND)).rejects.toMatchObject({ code: 'NotFound' });
    await rig.files.delete(anybody, third);
    await expect(rig.holds.release(third, COMMAND)).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('is the last resort when the task fails for good: the file stays held until then', async () => {
    await open({
      judge: async () => {
        throw new Error('The scanner is broken.');
      },
    });
    await rig.startRunner();
    const { uid } = await write('a.bin');
    await until(async () => {
      const [task] = await rig.metadata.tasks.list({ type: 'scan' }, 1);
      expect(task?.state).toBe('failed');
    });
    expect(await state(uid)).toBe('held');
    await rig.holds.release(uid, COMMAND);
    expect(await state(uid)).toBe('ready');
  });
});

describe('what else is to be done with a file that is held', () => {
  it('is done when it is ready, and never when it is rejected', async () => {
    const verdicts = new Map<string, Verdict>();
    const more: TaskType = {
      type: 'thumb',
      schema: {},
      on: [{ event: 'file.ready' }],
      handle: async () => 'done',
    };
    await open({ judge: async ({ file }) => verdicts.get(file.name) ?? { yes: true }, more: () => [more] });
    verdicts.set('bad.jpg', { no: 'bad' });
    const [good, bad] = [await write('good.jpg'), await write('bad.jpg')];
    expect(await tasks('thumb')).toBe(0);
    for (const { uid } of [good, bad]) await judge(uid);
    expect((await rig.metadata.tasks.list({ type: 'thumb' }, 9)).map(({ payload }) => payload)).toEqual([
      { uid: good.uid },
    ]);
  });

  it('waits for each of several who hold it', async () => {
    const judge: Judge['judge'] = async () => ({ yes: true });
    await open({ more: (parts) => [judgingType(parts, { type: 'own', match: {}, judge })] });
    const { uid } = await write('a.bin');
    await rig.runTask('own', { uid });
    expect(await state(uid)).toBe('held');
    await rig.runTask('scan', { uid });
    expect(await state(uid)).toBe('ready');
    expect(await told(uid)).toEqual(['file.held', 'file.ready']);
  });
});
