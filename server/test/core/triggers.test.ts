import { Type } from 'typebox';
import { afterEach, describe, expect, it } from 'vitest';
import type { EventType } from '#core/model/event.ts';
import type { TaskRecord } from '#core/model/task.ts';
import type { TaskType } from '#core/tasks/task-type.ts';
import type { Trigger } from '#core/tasks/trigger.ts';

import { changed, chunksOf, md5, openRig, owner, type Rig, type RigOptions, sha256, some } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const typeOf = (on: readonly Trigger[], more: Partial<TaskType> = {}): TaskType => ({
  type: 'look',
  schema: Type.Object({}),
  on,
  handle: async () => 'done',
  ...more,
});
const onReady = typeOf([{ event: 'file.ready' }]);

async function open(type: TaskType, options: RigOptions = {}): Promise<void> {
  rig = await openRig({ ...options, types: () => [type] });
}

const left = (): Promise<readonly TaskRecord[]> => rig.metadata.tasks.list({ type: 'look' }, 100);
const write = (name: string, bytes = some(10)) =>
  rig.uploads.writeFile({ owner: 'a', name }, chunksOf(bytes));
const inParts = async (bytes: Buffer, name = 'film.mp4', count = 2) => {
  const { uid } = await rig.uploads.create({ owner: 'a', name });
  const size = Math.ceil(bytes.length / count);
  for (let number = 1; number <= count; number += 1)
    await rig.uploads.writePart(
      uid,
      number,
      chunksOf(bytes.subarray((number - 1) * size, number * size)),
      {},
    );
  return uid;
};

describe('a task on file.ready', () => {
  it('follows from every way in which a file comes to be, once each', async () => {
    await open(onReady);
    const bytes = some(1000);
    const uids: string[] = [(await write('one.bin', bytes)).uid];
    const known = await rig.instant.claim({ owner: 'a', name: 'instant.bin', sha256: sha256(bytes) });
    uids.push(known?.uid ?? '');
    uids.push((await write('the-same-bytes.bin', bytes)).uid);
    const whole = await rig.uploads.create({ owner: 'a', name: 'whole.bin' });
    for (let sent = 0; sent < 2; sent += 1)
      await rig.uploads.writeWhole(whole.uid, chunksOf(bytes), { md5: md5(bytes) });
    uids.push(whole.uid);
    for (const count of [1, 3]) {
      const uid = await inParts(some(900), 'parts.bin', count);
      await Promise.all([rig.uploads.complete(uid), rig.uploads.complete(uid)]);
      await rig.uploads.complete(uid);
      uids.push(uid);
    }
    const tasks = await left();
    expect(tasks.map(({ payload }) => (payload as { uid: string }).uid).toSorted()).toEqual(uids.toSorted());
    expect(tasks.every(({ state, maxAttempts }) => state === 'pending' && maxAttempts === 3)).toBe(true);
  });

  it('is there when the file is, and is not where the file is not', async () => {
    await open(onReady, {
      wrapMetadata: (metadata) =>
        changed(metadata, {
          transaction: (work) =>
            metadata.transaction(async (repositories) => {
              const result = await work(repositories);
              if ((await repositories.tasks.list({ type: 'look' }, 1)).length > 0)
                throw new Error('power cut');
              return result;
            }),
        }),
    });
    await expect(write('lost.bin')).rejects.toThrow('power cut');
    expect(await left()).toEqual([]);
    expect(await rig.files.list(owner, { after: undefined, limit: 10, namePrefix: undefined })).toEqual({
      files: [],
      next: undefined,
    });
  });

  it('is not left for a file whose upload fails', async () => {
    await open(onReady);
    const wrong = rig.uploads.writeFile({ owner: 'a', name: 'x', md5: md5(some(3)) }, chunksOf(some(4)));
    await expect(wrong).rejects.toMatchObject({ code: 'ChecksumMismatch' });
    expect(await left()).toEqual([]);
  });

  it('is run by a runner that is told of it at once', async () => {
    const ran: unknown[] = [];
    await open(
      typeOf([{ event: 'file.ready' }], {
        handle: async (payload) => {
          ran.push(payload);
          return 'done';
        },
      }),
    );
    await rig.startRunner();
    const { uid } = await write('one.bin');
    const deadline = Date.now() + 4000;
    while (ran.length === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(ran).toEqual([{ uid }]);
  });
});

describe('conditions of a trigger', () => {
  it.each<[string, Omit<Trigger, 'event'>, string[]]>([
    ['none', {}, ['a.jpg', 'b.JPEG', 'c.txt', 'none']],
    ['categories', { categories: ['image'] }, ['a.jpg', 'b.JPEG']],
    ['several categories', { categories: ['image', 'unknown'] }, ['a.jpg', 'b.JPEG', 'none']],
    ['a media type', { contentTypes: ['text/plain'] }, ['c.txt']],
    ['a kind of media', { contentTypes: ['image/*', 'video/mp4'] }, ['a.jpg', 'b.JPEG']],
    ['this owner', { owners: ['a'] }, ['a.jpg', 'b.JPEG', 'c.txt', 'none']],
    ['another owner', { owners: ['b'] }, []],
    ['a size', { maxSize: 9 }, ['c.txt']],
    ['all of several', { categories: ['doc', 'image'], maxSize: 9 }, ['c.txt']],
  ])('%s', async (_what, conditions, names) => {
    await open(typeOf([{ event: 'file.ready', ...conditions }]));
    const jpeg = Buffer.concat([Buffer.from('ffd8ffe000104a46494600010100', 'hex'), some(90)]);
    await write('a.jpg', jpeg);
    await write('b.JPEG', jpeg);
    await write('c.txt', Buffer.from('nine by.'));
    await write('none', some(100));
    const uids = (await left()).map(({ payload }) => (payload as { uid: string }).uid);
    const files = await rig.metadata.files.findMany(uids);
    expect(files.map(({ name }) => name).toSorted()).toEqual(names);
  });

  it('never hold for an event of something else', async () => {
    await open(typeOf([{ event: 'store.down', maxSize: 1 }]));
    const event = { type: 'store.down', subject: 'main', data: {} } as const;
    await rig.metadata.transaction(({ events }) => events.append(event, 1));
    expect(await left()).toEqual([]);
  });
});

describe('events that come again', () => {
  const tell = (type: EventType, subject: string) =>
    rig.metadata.transaction(({ events }) => events.append({ type, subject, data: {} }, 1));

  it('leave a task each, so that none is swallowed by one that is at work', async () => {
    await open(typeOf([{ event: 'file.renamed' }, { event: 'store.down' }]));
    for (const type of ['file.renamed', 'store.down'] as const)
      for (let times = 0; times < 2; times += 1) await tell(type, '7');
    const payloads = (await left()).map(({ payload }) => JSON.stringify(payload)).toSorted();
    expect(payloads).toEqual(['{"subject":"7"}', '{"subject":"7"}', '{"uid":"7"}', '{"uid":"7"}']);
  });

  it('leave one where the type says what is the same', async () => {
    const key = ({ subject }: { subject: string }) => subject;
    const payload = ({ type, subject }: { type: string; subject: string }) => ({ of: `${type} ${subject}` });
    await open(typeOf([{ event: 'file.renamed', key, payload }], { attempts: 7 }));
    for (let times = 0; times < 3; times += 1) await tell('file.renamed', '7');
    expect(await left()).toMatchObject([
      { key: '7', payload: { of: 'file.renamed 7' }, maxAttempts: 7, state: 'pending' },
    ]);
  });

  it('leave nothing where no type asks for them', async () => {
    await open(typeOf([]));
    await write('one.bin');
    expect(await left()).toEqual([]);
  });
});

it('a file that somebody deletes before its task runs is the handler’s to find gone', async () => {
  await open(onReady);
  const { uid } = await write('one.bin');
  await rig.files.delete({ ...owner } as typeof owner, uid);
  expect(await left()).toHaveLength(1);
  expect(await rig.metadata.files.content(uid)).toBeUndefined();
});
