import { expect, test, vi } from 'vitest';
import { startReceiver } from '#drivers/event-sinks/webhook/receiver.fixture.ts';
import { osproxy } from '#test/faults/store-folder.ts';
import { startCluster } from '../cluster/nodes.ts';
import { startNode } from '../workers/node.ts';
import { call, openStream, put, SECRET } from './event-client.ts';

const WITHIN = { timeout: 45_000, interval: 50 };

interface Event {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly data: { readonly name?: string };
}

async function startHook() {
  const receiver = await startReceiver();
  const sink = { name: 'hook', type: 'webhook', url: receiver.url, secret: SECRET, allowPrivate: true };
  const events = () => [
    ...new Map(
      receiver.received.map(({ body }) => JSON.parse(body) as Event).map((one) => [one.id, one]),
    ).values(),
  ];
  return { receiver, events, env: { OSPROXY_EVENTS_SINKS: JSON.stringify([sink]) } };
}

test('what one node does is told by another, seen in the stream of any, and goes on when a node is killed', async () => {
  const { receiver, events, env } = await startHook();
  const { nodes, close } = await startCluster(2, env);
  try {
    const [one, two] = nodes;
    if (one === undefined || two === undefined) throw new Error('there are two nodes');
    const stream = await openStream(two.service, '?types=file.*,node.*');
    const uid = await put(one.service, 'first.txt');
    await vi.waitFor(() => {
      expect(stream.told.map(({ data }) => data.subject)).toContain(uid);
      expect(events().map(({ subject }) => subject)).toContain(uid);
    }, WITHIN);
    // A sink that has just begun need not hear of the node that began it.
    const joined = events().filter(({ type }) => type === 'osproxy.node.joined');
    expect(joined.map(({ subject }) => subject)).toContain('n2');
    await one.kill();
    const after = await put(two.service, 'second.txt');
    // The lease of whoever told the sink may have to run out first.
    await vi.waitFor(() => expect(events().map(({ subject }) => subject)).toContain(after), WITHIN);
    await one.start();
    await one.stop();
    await vi.waitFor(() => {
      const left = stream.told.filter(({ event }) => event === 'node.left').map(({ data }) => data.subject);
      expect(left).toEqual(['n1']);
    }, WITHIN);
    await stream.close();
  } finally {
    await close();
    await receiver.close();
  }
}, 180_000);

test('several processes of a node tell a sink of everything in order, and the command shows how it stands', async () => {
  const { receiver, events, env } = await startHook();
  receiver.answer = (response, { body }) =>
    void response.writeHead(body.includes('bad.txt') ? 400 : 204).end();
  const [sink] = JSON.parse(env.OSPROXY_EVENTS_SINKS) as object[];
  const variable = { OSPROXY_EVENTS_SINKS: JSON.stringify([{ ...sink, maxAttempts: 1 }]) };
  const service = await startNode(3, { env: variable });
  try {
    const uids = await Promise.all(Array.from({ length: 8 }, (_, i) => put(service, `f${i}.txt`)));
    const renames = uids.map(async (uid) => {
      for (let step = 1; step <= 10; step++)
        expect((await call(service, 'PATCH', `/files/${uid}`, { name: `n${step}.txt` })).status).toBe(200);
    });
    await Promise.all([...renames, put(service, 'bad.txt')]);
    await vi.waitFor(() => {
      for (const uid of uids) {
        const names = events().filter(
          ({ subject, type }) => subject === uid && type === 'osproxy.file.renamed',
        );
        expect(names.map(({ data }) => data.name)).toEqual(
          Array.from({ length: 10 }, (_, i) => `n${i + 1}.txt`),
        );
      }
    }, WITHIN);
    const run = async (...words: string[]) => {
      const { out, errors, code } = await osproxy(
        ['events', ...words],
        { ...service.place, ...variable },
        service.dataDir,
      );
      return { code, text: out + errors };
    };
    await vi.waitFor(
      async () => expect((await run('parked', 'hook')).text).toContain('answered 400'),
      WITHIN,
    );
    expect((await run('sinks')).text).toMatch(/hook +active +\d+ +0 +1/);
    receiver.answer = (response) => void response.writeHead(204).end();
    expect(await run('redrive', 'hook')).toEqual({
      code: 0,
      text: '1 parked event of sink "hook" is tried again.\n',
    });
    await vi.waitFor(() => expect(events().some(({ data }) => data.name === 'bad.txt')).toBe(true), WITHIN);
    expect((await run('discard', 'hook', '--positions', '1')).text).toContain(
      '0 parked events of sink "hook" are forgotten.',
    );
    expect((await run('parked', 'nobody')).text).toContain('There is no event sink "nobody" that has begun.');
    expect((await run('redrive')).code).not.toBe(0);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch(/osproxy_events_total\{type="file.renamed"\} 80/);
    expect(metrics).toMatch(/osproxy_event_deliveries_total\{sink="hook",outcome="parked"\} 1/);
    expect(metrics).toMatch(/osproxy_event_sink_up\{sink="hook"\} 1/);
  } finally {
    await service.close();
    await receiver.close();
  }
}, 180_000);
