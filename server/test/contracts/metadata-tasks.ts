import { describe, expect, it } from 'vitest';
import type { NewTask } from '#core/model/task.ts';
import type { TaskEnd } from '#core/ports/metadata/tasks.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { claimNext } from '#core/tasks/claim.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, sampleTask, write } from './metadata-samples.ts';

const LEASE = 1000;

export function tasksContract({ metadata, openAnother }: Fixture): void {
  const enqueue = async (values: Partial<NewTask> = {}, now = NOW) => {
    const id = newId();
    const added = await write(metadata(), ({ tasks }) => tasks.enqueue(id, sampleTask(values), now));
    return added ? id : undefined;
  };
  const claim = (now = NOW, types = ['compose'], node = 'n1', on: Metadata = metadata()) =>
    claimNext(on, types, { node, now, leaseMs: LEASE });
  const finish = (id: string, fence: number, end: TaskEnd, now = NOW) =>
    write(metadata(), ({ tasks }) => tasks.finish(id, fence, end, now));
  const claimed = async (now = NOW) => {
    const task = await claim(now);
    if (task === undefined) throw new Error('Nothing was due.');
    return task;
  };

  describe('tasks', () => {
    it('adds one live task per type and key', async () => {
      const id = (await enqueue({ key: 'k', payload: { deep: ['😀', null, 1.5] }, runAt: NOW + 5 })) ?? '';
      expect(await enqueue({ key: 'k' })).toBeUndefined();
      expect(await enqueue({ key: 'k', type: 'purge' })).toBeDefined();
      expect(await metadata().tasks.find(id)).toEqual({
        id,
        type: 'compose',
        key: 'k',
        payload: { deep: ['😀', null, 1.5] },
        state: 'pending',
        priority: 'normal',
        runAt: NOW + 5,
        attempts: 0,
        maxAttempts: 3,
        fence: 0,
        node: undefined,
        leaseUntil: undefined,
        lastError: undefined,
        createdAt: NOW,
        updatedAt: NOW,
      });
      const task = await claimed(NOW + 5);
      expect(await enqueue({ key: 'k' })).toBeUndefined();
      await finish(task.id, task.fence, { outcome: 'done' });
      expect(await enqueue({ key: 'k' })).toBeDefined();
    });

    it('claims due tasks of the asked types, earliest first', async () => {
      const late = await enqueue({ runAt: NOW + 2 });
      const early = await enqueue({ runAt: NOW + 1 });
      await enqueue({ runAt: NOW + 9 });
      await enqueue({ type: 'purge', runAt: NOW });
      expect(await claim(NOW)).toBeUndefined();
      expect(await claim(NOW, [])).toBeUndefined();
      const task = await claimed(NOW + 3);
      expect(task).toMatchObject({ id: early, state: 'running', attempts: 1, fence: 1, node: 'n1' });
      expect(task.leaseUntil).toBe(NOW + 3 + LEASE);
      expect((await claim(NOW + 3))?.id).toBe(late);
      expect(await claim(NOW + 3)).toBeUndefined();
      expect((await claim(NOW + 3, ['compose', 'purge']))?.type).toBe('purge');
    });

    it('gives each task to one claimer when many ask at once, in two processes', async () => {
      const other = await openAnother();
      for (let i = 0; i < 30; i++) await enqueue();
      const asked = Array.from({ length: 50 }, (_, i) =>
        claim(NOW, ['compose'], `n${i}`, i % 2 === 0 ? metadata() : other),
      );
      const ids = (await Promise.all(asked)).flatMap((task) => (task === undefined ? [] : [task.id]));
      expect(ids).toHaveLength(30);
      expect(new Set(ids).size).toBe(30);
    });

    it('takes over a task whose lease is over and shuts its old holder out', async () => {
      const id = (await enqueue()) ?? '';
      const first = await claimed(NOW);
      expect(await claim(NOW + LEASE - 1)).toBeUndefined();
      const second = await claim(NOW + LEASE, ['compose'], 'n2');
      expect(second).toMatchObject({ id, fence: 2, attempts: 2, node: 'n2' });
      const tasks = (fence: number) =>
        write(metadata(), async (r) => [
          await r.tasks.heartbeat(id, fence, NOW + 5 * LEASE),
          await r.tasks.holds(id, fence),
        ]);
      expect(await tasks(first.fence)).toEqual(['lost', false]);
      expect(await finish(id, first.fence, { outcome: 'done' })).toBe(false);
      expect(await tasks(2)).toEqual(['held', true]);
      expect(await claim(NOW + 4 * LEASE)).toBeUndefined();
      expect(await finish(id, 2, { outcome: 'done' }, NOW + 7)).toBe(true);
      expect(await tasks(2)).toEqual(['lost', false]);
      expect(await finish(id, 2, { outcome: 'done' })).toBe(false);
      expect(await metadata().tasks.attempts(id)).toEqual([
        {
          taskId: id,
          fence: 1,
          node: 'n1',
          startedAt: NOW,
          finishedAt: NOW + LEASE,
          outcome: 'lost',
          error: expect.any(String),
        },
        {
          taskId: id,
          fence: 2,
          node: 'n2',
          startedAt: NOW + LEASE,
          finishedAt: NOW + 7,
          outcome: 'done',
          error: undefined,
        },
      ]);
      expect(await metadata().tasks.find(id)).toMatchObject({
        state: 'done',
        node: undefined,
        leaseUntil: undefined,
      });
    });

    it('ends an attempt as retry, again or failed', async () => {
      const id = (await enqueue()) ?? '';
      let task = await claimed();
      await finish(id, task.fence, { outcome: 'retry', runAt: NOW + 5, error: 'store away' });
      expect(await metadata().tasks.find(id)).toMatchObject({
        state: 'pending',
        runAt: NOW + 5,
        attempts: 1,
        lastError: 'store away',
      });
      expect(await claim(NOW + 4)).toBeUndefined();
      task = await claimed(NOW + 5);
      expect(task.attempts).toBe(2);
      await finish(id, task.fence, { outcome: 'again', runAt: NOW + 50 });
      expect(await metadata().tasks.find(id)).toMatchObject({
        state: 'pending',
        attempts: 0,
        runAt: NOW + 50,
      });
      task = await claimed(NOW + 50);
      await finish(id, task.fence, { outcome: 'failed', error: 'no use' });
      expect(await metadata().tasks.find(id)).toMatchObject({
        state: 'failed',
        lastError: 'no use',
        fence: 3,
      });
      const outcomes = (await metadata().tasks.attempts(id)).map((attempt) => attempt.outcome);
      expect(outcomes).toEqual(['retry', 'done', 'failed']);
    });

    it('releases an attempt without counting it, however often', async () => {
      const id = (await enqueue()) ?? '';
      let task = await claimed();
      await finish(id, task.fence, { outcome: 'retry', runAt: NOW, error: 'store away' });
      for (let i = 0; i < 5; i += 1) {
        task = await claimed();
        expect(task.attempts).toBe(2);
        expect(await finish(id, task.fence, { outcome: 'released', runAt: NOW }, NOW + 7)).toBe(true);
        expect(await metadata().tasks.find(id)).toMatchObject({
          state: 'pending',
          attempts: 1,
          node: undefined,
          leaseUntil: undefined,
          lastError: 'store away',
        });
      }
      expect(await finish(id, task.fence, { outcome: 'released', runAt: NOW })).toBe(false);
      const released = (await metadata().tasks.attempts(id)).slice(1);
      expect(released).toHaveLength(5);
      for (const attempt of released)
        expect(attempt).toMatchObject({ outcome: 'released', finishedAt: NOW + 7, error: undefined });
    });

    it('lets a task wait without counting the attempt and without a row for it', async () => {
      const id = (await enqueue()) ?? '';
      for (let i = 0; i < 5; i += 1) {
        const task = await claimed();
        expect(task.attempts).toBe(1);
        const end = { outcome: 'waiting', runAt: NOW, error: 'a node is away' } as const;
        expect(await finish(id, task.fence, end)).toBe(true);
        expect(await metadata().tasks.find(id)).toMatchObject({
          state: 'pending',
          attempts: 0,
          node: undefined,
          lastError: 'a node is away',
        });
      }
      expect(await metadata().tasks.attempts(id)).toEqual([]);
    });

    it('sets a failed or pending task pending again, no running or done one', async () => {
      const id = (await enqueue({ key: 'again', runAt: NOW + 99 })) ?? '';
      const retry = (runAt: number) => write(metadata(), ({ tasks }) => tasks.retry(id, runAt));
      expect(await retry(NOW)).toBe(true);
      let task = await claimed();
      expect(await retry(NOW)).toBe(false);
      await finish(id, task.fence, { outcome: 'failed', error: 'x' });
      expect(await retry(NOW + 1)).toBe(true);
      expect(await metadata().tasks.find(id)).toMatchObject({
        state: 'pending',
        attempts: 0,
        runAt: NOW + 1,
      });
      expect(await enqueue({ key: 'again' })).toBeUndefined();
      task = await claimed(NOW + 1);
      await finish(id, task.fence, { outcome: 'failed', error: 'x' });
      await enqueue({ key: 'again' });
      await expect(retry(NOW)).rejects.toMatchObject({ code: 'AlreadyExists' });
      task = await claimed();
      await finish(task.id, task.fence, { outcome: 'done' });
      expect(await write(metadata(), ({ tasks }) => tasks.retry(task.id, NOW))).toBe(false);
      expect(await write(metadata(), ({ tasks }) => tasks.retry(newId(), NOW))).toBe(false);
    });

    it('knows when the next claim can succeed', async () => {
      const due = async () => {
        const heads = await metadata().tasks.heads(['compose', 'verify']);
        return heads.length === 0 ? undefined : Math.min(...heads.map(({ dueAt }) => dueAt));
      };
      expect(await due()).toBeUndefined();
      await enqueue({ type: 'purge', runAt: 1 });
      await enqueue({ runAt: NOW });
      await enqueue({ runAt: NOW + 5000 });
      expect(await due()).toBe(NOW);
      await claimed(NOW);
      expect(await due()).toBe(NOW + LEASE);
    });

    it('lists newest first, counts, and removes ended tasks with their attempts', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) ids.push((await enqueue({}, NOW + i)) ?? '');
      const purge = (await enqueue({ type: 'purge' }, NOW + 9)) ?? '';
      const task = await claimed();
      await finish(task.id, task.fence, { outcome: 'done' }, NOW + 100);
      const list = async (filter: Parameters<Metadata['tasks']['list']>[0], limit = 10) =>
        (await metadata().tasks.list(filter, limit)).map((each) => each.id);
      expect(await list({})).toEqual([purge, ids[2], ids[1], ids[0]]);
      expect(await list({ type: 'compose' }, 2)).toEqual([ids[2], ids[1]]);
      expect(await list({ state: 'done' })).toEqual([ids[0]]);
      expect(await list({ type: 'purge', state: 'done' })).toEqual([]);
      const counts = async (most: number) =>
        new Set((await metadata().tasks.counts(most)).map((each) => Object.values(each).join(' ')));
      expect(await counts(100)).toEqual(new Set(['compose done 1', 'compose pending 2', 'purge pending 1']));
      expect(await counts(1)).toEqual(new Set(['compose done 1', 'compose pending 1', 'purge pending 1']));
      const remove = (cutoff: number) => write(metadata(), ({ tasks }) => tasks.removeEnded(cutoff, 10));
      expect(await remove(NOW + 99)).toBe(0);
      expect(await remove(NOW + 100)).toBe(1);
      expect(await metadata().tasks.find(ids[0] ?? '')).toBeUndefined();
      expect(await metadata().tasks.attempts(ids[0] ?? '')).toEqual([]);
    });
  });
}
