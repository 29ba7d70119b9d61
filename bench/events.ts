import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, settleDisk } from './harness/files.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { PER_SECOND, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender } from './harness/series.ts';
import { wrk } from './harness/wrk.ts';

const { rounds, seconds, connections, latency, lanes } = numbers({
  ...{ rounds: 3, seconds: 3, connections: 32, latency: 5, lanes: 32 },
});
const SECRET = `whsec_${Buffer.alloc(32, 'b').toString('base64')}`;
const MOST_SECONDS = 300;

/** Answers every event after the time that a network takes. */
async function startReceiver(latencyMs: number) {
  const state = { count: 0 };
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      state.count += 1;
      setTimeout(() => response.writeHead(204).end(), latencyMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, state, close: () => void server.close().closeAllConnections() };
}

function telling(url: string, most: number): Record<string, string> {
  const sink = { name: 'hook', type: 'webhook', url, secret: SECRET, allowPrivate: true, lanes: most };
  return { OSPROXY_EVENTS_SINKS: JSON.stringify([sink]) };
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

await benchmark({
  title: `events: to a webhook that answers after ${latency} ms, ${lanes} lanes against one; uploads of 4 KiB by wrk with it and without`,
  diskBytes: 4 * GIB,
  run: async (workspace) => {
    const receiver = await startReceiver(latency);
    const single = await startOsproxy(workspace.folder('single'), telling(receiver.url, 1));
    const many = await startOsproxy(workspace.folder('many'), telling(receiver.url, lanes));
    const none = await startOsproxy(workspace.folder('none'));

    /** Gathers events while the sink is told of nothing, then counts how fast it is told of them. */
    const delivery = (name: string, osproxy: Osproxy): Contender => ({
      name,
      measure: async (round) => {
        await drained(osproxy);
        await osproxy.json('POST', '/api/v1/event-sinks/hook/disable');
        await upload(osproxy, round);
        await sleep(1500);
        const [before, began] = [receiver.state.count, performance.now()];
        await osproxy.json('POST', '/api/v1/event-sinks/hook/enable');
        await drained(osproxy);
        const taken = (performance.now() - began) / 1000;
        await osproxy.dropBytes();
        await settleDisk(workspace.path);
        return (receiver.state.count - before) / taken;
      },
    });
    const uploads = (name: string, osproxy: Osproxy, isTold: boolean): Contender => ({
      name,
      measure: async (round) => {
        const rate = await upload(osproxy, round + 1000);
        if (isTold) await drained(osproxy);
        await osproxy.dropBytes();
        await settleDisk(workspace.path);
        return rate;
      },
    });
    const told = await measureRounds(
      [delivery('one lane', single), delivery(`${lanes} lanes`, many)],
      rounds,
    );
    const put = await measureRounds(
      [uploads('uploads, no sink', none, false), uploads('uploads, webhook', many, true)],
      rounds,
    );
    receiver.close();
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
  },
});
