import { afterEach, beforeEach, expect, it } from 'vitest';
import { SinkBoard } from '#core/events/sink-board.ts';
import type { Caller } from '#core/model/audit.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { chunksOf, openRig, type Rig, type RigOptions, some } from './rig.ts';

const ANNA: Caller = {
  actor: { kind: 'service', id: 'k', name: 'anna’s' },
  origin: { address: '10.0.0.7', userAgent: 'test', requestId: 'r' },
};

let rig: Rig;
const open = async (options: RigOptions = {}) => {
  rig = await openRig(options);
};
beforeEach(() => open());
afterEach(() => rig.close());

async function audited(): Promise<string[]> {
  const found = await rig.metadata.audit.list({ actor: 'k' }, undefined, 100);
  for (const { origin } of found) expect(origin).toEqual(ANNA.origin);
  return found.map(({ action, subject }) => `${action} ${subject.kind}`).toReversed();
}

it('moves are noted when they are made, paused, resumed and cancelled, and not when nothing changed', async () => {
  const { id } = await rig.moves.create({ from: 'main', to: 'other', match: {} }, ANNA);
  await rig.moves.pause(id, ANNA);
  await rig.moves.pause(id, ANNA);
  await rig.moves.resume(id, ANNA);
  await rig.moves.cancel(id, ANNA);
  await rig.moves.cancel(id, ANNA);
  await expect(rig.moves.resume(id, ANNA)).rejects.toMatchObject({ code: 'Conflict' });
  await expect(rig.moves.create({ from: 'main', to: 'gone', match: {} }, ANNA)).rejects.toThrow();
  expect(await audited()).toEqual([
    'move.created move',
    'move.paused move',
    'move.resumed move',
    'move.cancelled move',
  ]);
});

it('tasks are noted when they are cancelled and tried again, types when they are paused and resumed', async () => {
  const enqueue = () =>
    rig.metadata.transaction(async ({ tasks }) => {
      const id = rig.ids.next();
      await tasks.enqueue(id, { type: 'compose', key: id, payload: {}, maxAttempts: 1 }, rig.clock.now());
      return id;
    });
  const id = await enqueue();
  await rig.tasks.cancel(id, ANNA);
  await expect(rig.tasks.cancel(id, ANNA)).rejects.toMatchObject({ code: 'Conflict' });
  await rig.tasks.retry(id, ANNA);
  await rig.tasks.pause('compose', ANNA);
  await rig.tasks.resume('compose', ANNA);
  await expect(rig.tasks.pause('none', ANNA)).rejects.toMatchObject({ code: 'NotFound' });
  expect(await audited()).toEqual([
    ...[
      'task.cancelled task',
      'task.retried task',
      'task-type.paused task-type',
      'task-type.resumed task-type',
    ],
  ]);
});

it('sinks are noted when they are enabled, disabled, and when what they refused is tried again or forgotten', async () => {
  const now = rig.clock.now();
  await rig.metadata.transaction(({ sinks }) => sinks.take('s', '1', now, 1));
  const board = new SinkBoard({ ...rig, configured: ['s'], wakeSinks: () => {} });
  await board.disable('s', ANNA);
  await board.enable('s', ANNA);
  await board.redrive('s', undefined, ANNA);
  await board.discard('s', ['1'], ANNA);
  await expect(board.disable('none', ANNA)).rejects.toMatchObject({ code: 'NotFound' });
  expect(await audited()).toEqual([
    'sink.disabled sink',
    'sink.enabled sink',
    'sink.redriven sink',
    'sink.discarded sink',
  ]);
});

it('a scrub that is started is noted', async () => {
  await rig.close();
  await open({ scrubBytesPerSecond: 1000 });
  await rig.scrub.start(ANNA);
  expect(await audited()).toEqual(['scrub.started installation']);
});

it('neither a change nor its entry is there without the other', async () => {
  await rig.close();
  let isBroken = false;
  const wrapMetadata = (metadata: Metadata): Metadata =>
    Object.create(metadata, {
      transaction: {
        value: (work: Parameters<Metadata['transaction']>[0]) =>
          metadata.transaction(async (repositories) => {
            const result = await work(repositories);
            if (isBroken) throw new Error('power cut');
            return result;
          }),
      },
    }) as Metadata;
  await open({ wrapMetadata });
  const { id } = await rig.moves.create({ from: 'main', to: 'other', match: {} }, ANNA);
  isBroken = true;
  await expect(rig.moves.pause(id, ANNA)).rejects.toThrow('power cut');
  isBroken = false;
  expect(await audited()).toEqual(['move.created move']);
  expect((await rig.moves.report(id)).move.state).toBe('running');
});

it('changes at once by many are all noted, each once', async () => {
  const made = await Promise.all(
    Array.from({ length: 6 }, async (_, n) => {
      const file = await rig.uploads.writeFile({ owner: 'a', name: `${n}` }, chunksOf(some(10)));
      return file.uid;
    }),
  );
  expect(made).toHaveLength(6);
  const { id } = await rig.moves.create({ from: 'main', to: 'other', match: {} }, ANNA);
  await Promise.allSettled(Array.from({ length: 10 }, () => rig.moves.pause(id, ANNA)));
  expect(await audited()).toEqual(['move.created move', 'move.paused move']);
});

it('what is old is purged, and nothing else', async () => {
  await rig.audit.record(ANNA, { action: 'scrub.started', subject: { kind: 'installation' } });
  rig.clock.offset += 24 * 3_600_000 + 1000;
  await rig.audit.record(ANNA, { action: 'media.redriven', subject: { kind: 'installation' } });
  await rig.purge();
  expect(await audited()).toEqual(['media.redriven installation']);
});

it('a walk gives everything once, in pages, also while entries are added', async () => {
  await rig.metadata.transaction(async ({ audit }) => {
    for (let n = 0; n < 1203; n += 1)
      await audit.append({
        ...{ at: 1000 + Math.floor(n / 7), ...ANNA, action: 'key.created', subject: { kind: 'key' } },
        ...{ outcome: 'ok', detail: { n } },
      });
  });
  const seen: unknown[] = [];
  for await (const page of rig.audit.walk({ actor: 'k' }, new AbortController().signal)) {
    expect(page.length).toBeLessThanOrEqual(500);
    seen.push(...page.map(({ detail }) => detail.n));
    await rig.audit.record(ANNA, { action: 'key.revoked', subject: { kind: 'key' } });
  }
  expect(seen).toEqual(Array.from({ length: 1203 }, (_, n) => 1202 - n));
  const given = AbortSignal.abort();
  await expect(rig.audit.walk({}, given).next()).rejects.toMatchObject({ code: 'Cancelled' });
});
