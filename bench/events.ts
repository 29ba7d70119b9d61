import { setTimeout as sleep } from 'node:timers/promises';
import { numbersAndWords } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, settleDisk } from './harness/files.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { startCluster } from './harness/receivers/kafka.ts';
import { startBroker } from './harness/receivers/rabbitmq.ts';
import type { Receiver } from './harness/receivers/receiver.ts';
import { startWebhook } from './harness/receivers/webhook.ts';
import { PER_SECOND, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender } from './harness/series.ts';
import { wrk } from './harness/wrk.ts';

const ALL = ['webhook', 'rabbitmq', 'kafka'];
const { numbers, words } = numbersAndWords(
  { rounds: 3, seconds: 3, connections: 32, latency: 5, lanes: 32 },
  { sinks: { standard: ALL, all: ALL } },
);
const { rounds, seconds, connections, latency, lanes } = numbers;
const MOST_SECONDS = 300;

const RECEIVERS: Readonly<Record<string, () => Promise<Receiver>>> = {
  webhook: () => startWebhook(latency, lanes),
  rabbitmq: startBroker,
  kafka: startCluster,
};

function telling(...sinks: readonly object[]): Record<string, string> {
  const named = sinks.map((sink, index) => ({ name: index === 0 ? 'sink' : `sink-${index + 1}`, ...sink }));
  return { OSPROXY_EVENTS_SINKS: JSON.stringify(named) };
}

interface Sink {
  readonly lag: number;
  readonly waiting: number;
}

/** Resolves when the sink has taken everything. */
async function drained(osproxy: Osproxy): Promise<void> {
  const deadline = performance.now() + MOST_SECONDS * 1000;
  for (;;) {
    const { sinks } = await osproxy.json<{ sinks: Sink[] }>('GET', '/api/v1/event-sinks');
    if (sinks.length > 0 && sinks.every(({ lag, waiting }) => lag + waiting === 0)) return;
    if (performance.now() > deadline)
      throw new Error(`The sink did not take its events within ${MOST_SECONDS} s.`);
    await sleep(20);
  }
}

function upload(osproxy: Osproxy, round: number): Promise<number> {
  const env = { SEED: `round${round}`, PREFIX: '/api/v1/files/', AUTHORIZATION: osproxy.authorization };
  return wrk({ url: osproxy.url, connections, seconds, script: 'put-files', env });
}

/** Gathers events while the sink is told of nothing, then counts how fast it is told of them. */
function delivery(name: string, osproxy: Osproxy, receiver: Receiver): Contender {
  return {
    name,
    measure: async (round) => {
      await drained(osproxy);
      await osproxy.json('POST', '/api/v1/event-sinks/sink/disable');
      await upload(osproxy, round);
      await sleep(1500);
      const [before, began] = [receiver.count(), performance.now()];
      await osproxy.json('POST', '/api/v1/event-sinks/sink/enable');
      await drained(osproxy);
      const taken = (performance.now() - began) / 1000;
      await osproxy.dropBytes();
      return (receiver.count() - before) / taken;
    },
  };
}

function uploads(name: string, osproxy: Osproxy, isTold: boolean): Contender {
  return {
    name,
    measure: async (round) => {
      const rate = await upload(osproxy, round + 1000);
      if (isTold) await drained(osproxy);
      await osproxy.dropBytes();
      return rate;
    },
  };
}

await benchmark({
  title: `events: to ${words.sinks.join(', ')} (webhooks answer after ${latency} ms), batched against one by one; uploads of 4 KiB by wrk with each and without`,
  diskBytes: 4 * GIB,
  run: async (workspace) => {
    const settled = (contender: Contender): Contender => ({
      ...contender,
      measure: async (round) => {
        const result = await contender.measure(round);
        await settleDisk(workspace.path);
        return result;
      },
    });
    const none = await startOsproxy(workspace.folder('none'));
    for (const sink of words.sinks) {
      const receiver = await RECEIVERS[sink]?.();
      if (receiver === undefined) continue;
      const { name } = receiver;
      const single = await startOsproxy(workspace.folder(`${name}-single`), telling(receiver.single.sink));
      const many = await startOsproxy(workspace.folder(`${name}-many`), telling(receiver.many.sink));
      const told = await measureRounds(
        [
          settled(delivery(`${name}, ${receiver.single.name}`, single, receiver)),
          settled(delivery(`${name}, ${receiver.many.name}`, many, receiver)),
        ],
        rounds,
      );
      const put = await measureRounds(
        [settled(uploads('uploads, no sink', none, false)), settled(uploads(`uploads, ${name}`, many, true))],
        rounds,
      );
      await receiver.close();
      await Promise.all([single.stop(), many.stop()]);
      const [slow, fast] = told;
      const [without, withSink] = put;
      if (!slow || !fast || !without || !withSink) return;
      printSeries([slow, fast, without, withSink], PER_SECOND);
      printRatios(
        [
          { subject: fast, reference: slow, aim: 'aim ≥ 5' },
          { subject: withSink, reference: without, aim: 'aim ≥ 0.9' },
        ],
        PER_SECOND,
      );
    }
    if (words.sinks.length < ALL.length) return;
    const receivers = await Promise.all(Object.values(RECEIVERS).map((start) => start()));
    const told = telling(...receivers.map(({ many }) => many.sink));
    const all = await startOsproxy(workspace.folder('all-sinks'), told);
    const [without, withAll] = await measureRounds(
      [settled(uploads('uploads, no sink', none, false)), settled(uploads('uploads, all sinks', all, true))],
      rounds,
    );
    for (const receiver of receivers) await receiver.close();
    if (!without || !withAll) return;
    printSeries([without, withAll], PER_SECOND);
    printRatios([{ subject: withAll, reference: without, aim: 'aim ≥ 0.9' }], PER_SECOND);
  },
});
