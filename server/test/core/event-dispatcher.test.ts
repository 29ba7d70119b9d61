import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { announced } from '#core/events/announced-metadata.ts';
import { Dispatcher, type DispatcherOptions } from '#core/events/dispatcher.ts';
import { EventSequencer } from '#core/events/sequencer.ts';
import type { EventRecord } from '#core/model/event.ts';
import { systemClock } from '#core/ports/clock.ts';
import type { EventSink, SinkOutcome } from '#core/ports/event-sink.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { createLog } from '#drivers/logger/pino.ts';
import { openMetadata } from '#drivers/metadata/index.ts';

const { logger } = createLog({ level: 'silent' });
const POLICY = { maxAttempts: 3, firstBackoffMs: 5, maxBackoffMs: 20, disableAfterMs: 60_000, probeMs: 20 };
const WITHIN = { timeout: 10_000, interval: 10 };

type Answer = (event: EventRecord) => SinkOutcome;

/** Keeps what it took; `answer` says what becomes of an event. */
class Receiver implements EventSink {
  readonly took: string[] = [];
  answer: Answer = () => ({ kind: 'delivered' });
  asked = 0;

  async deliver(events: readonly EventRecord[]): Promise<readonly SinkOutcome[]> {
    await new Promise(setImmediate);
    return events.map((event) => {
      this.asked += 1;
      const outcome = this.answer(event);
      if (outcome.kind === 'delivered') this.took.push(`${event.subject}:${String(event.data.step)}`);
      return outcome;
    });
  }

  async close(): Promise<void> {}
}

describe('a dispatcher', () => {
  let folder: string;
  let raw: Metadata;
  let metadata: Metadata;
  let sequencer: EventSequencer;
  let dispatchers: Dispatcher[];
  let coordinator: DatabaseCoordinator;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'osproxy-events-'));
    raw = await openMetadata(`sqlite:${join(folder, 'osproxy.db')}`, { logger });
    await raw.migrate();
    metadata = announced(raw, { after: () => sequencer.wake() });
    coordinator = new DatabaseCoordinator({ metadata, clock: systemClock, logger });
    dispatchers = [];
    const onSequenced = () => {
      for (const dispatcher of dispatchers) dispatcher.wake();
    };
    sequencer = new EventSequencer({ metadata, logger, onSequenced });
    sequencer.start();
  });

  afterEach(async () => {
    for (const dispatcher of dispatchers) await dispatcher.stop();
    await sequencer.stop();
    await coordinator.close();
    await raw.close();
    await rm(folder, { recursive: true });
  });

  const start = async (sink: EventSink, options: Partial<DispatcherOptions> = {}) => {
    const dispatcher = new Dispatcher({
      name: 'test',
      sink,
      wants: () => true,
      batching: { items: 1, bytes: 1_000_000, lanes: 4 },
      policy: POLICY,
      metadata,
      coordinator,
      holder: `holder-${dispatchers.length}`,
      clock: systemClock,
      logger,
      telemetry: silentTelemetry,
      ...options,
    });
    dispatchers.push(dispatcher);
    dispatcher.start();
    const known = async () => expect(await metadata.sinks.find('test')).toBeDefined();
    await vi.waitFor(known, WITHIN);
    return dispatcher;
  };
  const append = (subject: string, step: number) =>
    metadata.transaction(({ events }) =>
      events.append({ type: 'file.ready', subject, data: { step } }, systemClock.now()),
    );
  const parked = () => metadata.sinks.deliveries('test', 'parked', undefined, 100);

  test('tells every event, each subject in order', async () => {
    const receiver = new Receiver();
    await start(receiver, { batching: { items: 10, bytes: 2000, lanes: 3 } });
    for (let step = 0; step < 30; step++) for (const subject of ['a', 'b', 'c']) await append(subject, step);
    await vi.waitFor(() => expect(receiver.took).toHaveLength(90), WITHIN);
    for (const subject of ['a', 'b', 'c']) {
      const own = receiver.took.filter((one) => one.startsWith(subject));
      expect(own).toEqual(Array.from({ length: 30 }, (_, step) => `${subject}:${step}`));
    }
    const done = async () => expect(await metadata.sinks.find('test')).toMatchObject({ position: '90' });
    await vi.waitFor(done, WITHIN);
  });

  test('leaves out what nobody wants, and does not stop at it', async () => {
    const receiver = new Receiver();
    await start(receiver, { wants: ({ subject }) => subject === 'b' });
    for (let step = 0; step < 5; step++) for (const subject of ['a', 'b']) await append(subject, step);
    await vi.waitFor(() => expect(receiver.took).toHaveLength(5), WITHIN);
    expect(receiver.asked).toBe(5);
  });

  test('tries a refused event again, holds back the later ones of its subject alone, and keeps their order', async () => {
    const receiver = new Receiver();
    let refusals = 2;
    receiver.answer = ({ subject, data }) =>
      subject === 'bad' && data.step === 0 && refusals-- > 0
        ? { kind: 'refused', reason: 'not now' }
        : { kind: 'delivered' };
    await start(receiver);
    for (let step = 0; step < 4; step++) for (const subject of ['bad', 'good']) await append(subject, step);
    await vi.waitFor(() => expect(receiver.took).toHaveLength(8), WITHIN);
    expect(receiver.took.filter((one) => one.startsWith('bad'))).toEqual([
      'bad:0',
      'bad:1',
      'bad:2',
      'bad:3',
    ]);
    expect(await parked()).toEqual([]);
  });

  test('parks an event after its last attempt, goes on with its subject, and takes it up again when told', async () => {
    const receiver = new Receiver();
    receiver.answer = ({ data }) =>
      data.step === 0 ? { kind: 'refused', reason: 'poison' } : { kind: 'delivered' };
    const dispatcher = await start(receiver);
    for (let step = 0; step < 3; step++) await append('a', step);
    await vi.waitFor(() => expect(receiver.took).toEqual(['a:1', 'a:2']), WITHIN);
    const [kept, ...others] = await parked();
    expect(others).toEqual([]);
    expect(kept).toMatchObject({ attempts: 3, reason: 'poison', event: { subject: 'a', data: { step: 0 } } });
    receiver.answer = () => ({ kind: 'delivered' });
    expect(
      await metadata.transaction(({ sinks }) => sinks.redrive('test', undefined, systemClock.now())),
    ).toBe(1);
    dispatcher.wake();
    await vi.waitFor(() => expect(receiver.took).toEqual(['a:1', 'a:2', 'a:0']), WITHIN);
    expect(await parked()).toEqual([]);
  });

  test('waits where it is while the sink takes nothing, and goes on by itself', async () => {
    const receiver = new Receiver();
    receiver.answer = () => ({ kind: 'unavailable', reason: 'connection refused' });
    await start(receiver);
    for (let step = 0; step < 10; step++) await append('a', step);
    const failing = async () =>
      expect(await metadata.sinks.find('test')).toMatchObject({
        state: 'failing',
        reason: 'connection refused',
      });
    await vi.waitFor(failing, WITHIN);
    expect(await metadata.sinks.deliveries('test', 'waiting', undefined, 10)).toEqual([]);
    receiver.answer = () => ({ kind: 'delivered' });
    await vi.waitFor(() => expect(receiver.took).toHaveLength(10), WITHIN);
    expect(receiver.took).toEqual(Array.from({ length: 10 }, (_, step) => `a:${step}`));
    const active = async () => expect(await metadata.sinks.find('test')).toMatchObject({ state: 'active' });
    await vi.waitFor(active, WITHIN);
  });

  test('is given up after failing for long, and taken up again when a probe succeeds', async () => {
    const receiver = new Receiver();
    receiver.answer = () => ({ kind: 'unavailable', reason: 'down' });
    await start(receiver, { policy: { ...POLICY, disableAfterMs: 50 } });
    await append('a', 0);
    const disabled = async () =>
      expect(await metadata.sinks.find('test')).toMatchObject({ state: 'disabled' });
    await vi.waitFor(disabled, WITHIN);
    receiver.answer = () => ({ kind: 'delivered' });
    const active = async () => expect(await metadata.sinks.find('test')).toMatchObject({ state: 'active' });
    await vi.waitFor(active, WITHIN);
    expect(receiver.took).toEqual(['a:0']);
  });

  test('stops for good when the receiver is gone', async () => {
    const receiver = new Receiver();
    receiver.answer = () => ({ kind: 'gone', reason: '410 Gone' });
    await start(receiver);
    await append('a', 0);
    const gone = async () =>
      expect(await metadata.sinks.find('test')).toMatchObject({ state: 'disabled', retryAt: undefined });
    await vi.waitFor(gone, WITHIN);
    const { asked } = receiver;
    await append('b', 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(receiver.asked).toBe(asked);
  });

  test('has one leader; another takes over where it stopped', async () => {
    const [first, second] = [new Receiver(), new Receiver()];
    const leader = await start(first);
    await start(second);
    for (let step = 0; step < 5; step++) await append('a', step);
    await vi.waitFor(() => expect(first.took).toHaveLength(5), WITHIN);
    expect(second.took).toEqual([]);
    await leader.stop();
    for (let step = 5; step < 10; step++) await append('a', step);
    await vi.waitFor(() => expect(second.took).toHaveLength(5), WITHIN);
    expect([...first.took, ...second.took]).toEqual(Array.from({ length: 10 }, (_, step) => `a:${step}`));
  });

  test('tells a new sink nothing of the past', async () => {
    const early = new Receiver();
    await append('old', 0);
    await vi.waitFor(async () => expect(await metadata.events.last()).toBe('1'), WITHIN);
    await start(early);
    await append('new', 0);
    await vi.waitFor(() => expect(early.took).toEqual(['new:0']), WITHIN);
  });
});
