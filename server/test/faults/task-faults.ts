import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Metadata } from '#core/ports/metadata.ts';
import type { TestDatabase } from '#test/contracts/metadata-fixture.ts';
import { newId } from '#test/contracts/metadata-samples.ts';
import { startTaskNode, type TaskNode, until } from './task-nodes.ts';

/** Processes that run tasks of several types on one database, while they are killed, stopped and told otherwise. */
export function taskFaults(
  name: string,
  createDatabase: () => Promise<TestDatabase & { readonly url: string }>,
): void {
  describe(`tasks on ${name}`, { timeout: 90_000 }, () => {
    let database: TestDatabase & { readonly url: string };
    let metadata: Metadata;
    let nodes: TaskNode[];

    beforeEach(async () => {
      database = await createDatabase();
      metadata = await database.open();
      await metadata.migrate();
      nodes = [];
    });
    afterEach(async () => {
      for (const node of nodes) await node.kill();
      await metadata.close();
      await database.remove();
    });

    const start = async (name: string, concurrency?: number): Promise<TaskNode> => {
      const node = await startTaskNode(database.url, name, nodes.length + 1, concurrency);
      nodes.push(node);
      return node;
    };
    const enqueue = async (type: string, count: number): Promise<string[]> => {
      const ids = Array.from({ length: count }, () => newId());
      await metadata.transaction(async ({ tasks }) => {
        for (const id of ids)
          await tasks.enqueue(id, { type, key: id, payload: {}, maxAttempts: 5 }, Date.now());
      });
      return ids;
    };
    const stateOf = async (id: string) => (await metadata.tasks.find(id))?.state;
    const allIn = (state: string, ids: readonly string[]) =>
      until(
        `all are ${state}`,
        async () => (await Promise.all(ids.map(stateOf))).every((one) => one === state),
        60_000,
      );
    /** How often each task had its effect. */
    const effects = async (): Promise<Map<string, number>> => {
      while ((await metadata.transaction(({ events }) => events.sequence(500))) > 0);
      const counts = new Map<string, number>();
      for (let after: string | undefined; ; ) {
        const page = await metadata.events.after(after, 500);
        for (const { type, subject } of page)
          if (type === 'file.ready') counts.set(subject, (counts.get(subject) ?? 0) + 1);
        after = page.at(-1)?.position;
        if (after === undefined) return counts;
      }
    };
    /** A handler may be cut off after its effect and before its end, so an effect may come twice, never not at all. */
    const expectEffects = async (ids: readonly string[], most: number) => {
      const counts = await effects();
      for (const id of ids) {
        expect(counts.get(id) ?? 0).toBeGreaterThanOrEqual(1);
        expect(counts.get(id) ?? 0).toBeLessThanOrEqual(most);
      }
    };
    const begun = (node: TaskNode, type: string) =>
      until(`${type} has begun`, () => node.said.some((one) => one.what === 'begin' && one.type === type));

    test('all are done, of every type, though nodes are killed in the middle', async () => {
      const ids = [
        ...(await enqueue('quick', 40)),
        ...(await enqueue('slow', 12)),
        ...(await enqueue('single', 12)),
      ];
      const keeper = await start('n1');
      for (let round = 2; round <= 4; round += 1) {
        const victim = await start(`n${round}`);
        await sleep(400);
        await victim.kill();
      }
      await allIn('done', ids);
      await expectEffects(ids, 4);
      expect(keeper.said.length).toBeGreaterThan(0);
    });

    test('a node that was stopped past its leases writes nothing of what others took over', async () => {
      const first = await start('n1');
      const ids = await enqueue('slow', 4);
      // All four work now, so that it does not stop in a transaction: whoever needs its locks would have to wait for it.
      await until('all have begun', () => first.said.filter(({ what }) => what === 'begin').length === 4);
      first.process.kill('SIGSTOP');
      const second = await start('n2');
      await allIn('done', ids);
      first.process.kill('SIGCONT');
      await sleep(1500);
      await expectEffects(ids, 1);
      // It works on: it was not thrown off its feet.
      await second.kill();
      const more = await enqueue('quick', 5);
      await allIn('done', more);
    });

    test('never two at once of a type whose limit in the cluster is one, on two nodes', async () => {
      const ids = await enqueue('single', 40);
      const [a, b] = await Promise.all([start('n1'), startTaskNode(database.url, 'n2', 9)]);
      nodes.push(b);
      await allIn('done', ids);
      await expectEffects(ids, 1);
      const said = [...a.said, ...b.said].filter(({ type }) => type === 'single');
      const runs = said
        .filter(({ what }) => what === 'begin')
        .map(({ id, at }) => ({
          from: at,
          to: said.find((one) => one.id === id && one.what === 'end')?.at ?? 0,
        }))
        .sort((one, two) => one.from - two.from);
      expect(runs).toHaveLength(40);
      for (const [index, run] of runs.entries()) {
        const next = runs[index + 1];
        if (next !== undefined) expect(next.from).toBeGreaterThanOrEqual(run.to);
      }
    });

    test('a limit of one outlives the node that had its turn', async () => {
      const ids = await enqueue('single', 6);
      const first = await start('n1');
      await begun(first, 'single');
      await first.kill();
      await start('n2');
      await allIn('done', ids);
      await expectEffects(ids, 2);
    });

    test('a cancelled task ends wherever it runs, also when its handler does not heed it', async () => {
      const node = await start('n1');
      const [long = ''] = await enqueue('long', 1);
      const [stubborn = ''] = await enqueue('stubborn', 1);
      await begun(node, 'long');
      await begun(node, 'stubborn');
      await metadata.transaction(async ({ tasks }) => {
        await tasks.cancel(long, 'enough', Date.now());
        await tasks.cancel(stubborn, 'enough', Date.now());
      });
      await allIn('cancelled', [long, stubborn]);
      expect((await metadata.tasks.find(long))?.lastError).toBe('enough');
      await until('the stubborn one is refused', () =>
        node.said.some(({ what, id }) => what === 'refused' && id === stubborn),
      );
      expect(await effects()).toEqual(new Map());
    });

    test('cancelling races with the end: what is done has its effect, what is cancelled may have none, and each is one of them', async () => {
      await start('n1', 8);
      const ids = await enqueue('quick', 60);
      for (const id of ids) {
        await metadata.transaction(({ tasks }) => tasks.cancel(id, 'race', Date.now()));
        await sleep(3);
      }
      await until('all have ended', async () => {
        const states = await Promise.all(ids.map(stateOf));
        return states.every((state) => state === 'done' || state === 'cancelled');
      });
      const counts = await effects();
      for (const id of ids) {
        if ((await stateOf(id)) === 'done') expect(counts.get(id)).toBe(1);
        else expect(counts.get(id) ?? 0).toBeLessThanOrEqual(1);
        expect((await metadata.tasks.find(id))?.cancelAt).toBeUndefined();
      }
    });

    test('nothing of a type starts after its pause was committed, and all of it after it is resumed', async () => {
      const [a, b] = [await start('n1'), await start('n2')];
      const ids = await enqueue('quick', 150);
      await begun(a, 'quick').catch(() => begun(b, 'quick'));
      await metadata.transaction(({ tasks }) => tasks.setPaused('quick', true, Date.now()));
      const running = await metadata.tasks.list({ type: 'quick', state: 'running' }, 100);
      const waiting = await metadata.tasks.list({ type: 'quick', state: 'pending' }, 200);
      await sleep(1000);
      for (const { id } of waiting) expect(await stateOf(id)).toBe('pending');
      for (const { id } of running) expect(await stateOf(id)).toBe('done');
      await metadata.transaction(({ tasks }) => tasks.setPaused('quick', false, Date.now()));
      await allIn('done', ids);
      await expectEffects(ids, 1);
    });
  });
}
