import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventRecord } from '#core/model/event.ts';
import { systemClock } from '#core/ports/clock.ts';
import { type Receiver, startReceiver, verifies } from './receiver.fixture.ts';
import { keyOf } from './signature.ts';
import { type WebhookOptions, WebhookSink } from './webhook-sink.ts';

const SECRET = `whsec_${Buffer.alloc(32, 'a').toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(24, 'b').toString('base64')}`;
const never = new AbortController().signal;

const EVENT: EventRecord = {
  ...{ position: '9007199254740993', type: 'file.ready', subject: '42', owner: 'Zoë', at: 1_700_000_000_000 },
  data: { uid: '42', name: '報告.pdf' },
};

let receiver: Receiver;
let sinks: WebhookSink[];
beforeEach(async () => {
  receiver = await startReceiver();
  sinks = [];
});
afterEach(async () => {
  for (const sink of sinks) await sink.close();
  await receiver.close();
});

function webhook(
  options: Partial<Omit<WebhookOptions, 'keys' | 'url'>> & { url?: string; secrets?: string[] } = {},
) {
  const { url = receiver.url, secrets = [SECRET], ...more } = options;
  const sink = new WebhookSink({
    ...{ url: new URL(url), keys: secrets.flatMap((one) => keyOf(one) ?? []), allowPrivate: true },
    ...{ timeoutMs: 5000, source: 'https://files.example', clock: systemClock, ...more },
  });
  sinks.push(sink);
  return sink;
}

const told = async (sink: WebhookSink, event = EVENT, signal = never) =>
  (await sink.deliver([event], signal))[0];

describe('a webhook', () => {
  test('posts a CloudEvent that the receiver can verify', async () => {
    expect(await told(webhook())).toEqual({ kind: 'delivered' });
    const [one] = receiver.received;
    if (one === undefined) throw new Error('nothing came');
    expect(one.headers['content-type']).toBe('application/cloudevents+json');
    expect(JSON.parse(one.body)).toEqual({
      specversion: '1.0',
      id: '9007199254740993',
      source: 'https://files.example',
      type: 'osproxy.file.ready',
      subject: '42',
      time: '2023-11-14T22:13:20.000Z',
      datacontenttype: 'application/json',
      owner: 'Zoë',
      data: { uid: '42', name: '報告.pdf' },
    });
    expect(one.headers['webhook-id']).toBe('9007199254740993');
    expect(verifies(SECRET, one)).toBe(true);
    expect(verifies(OTHER, one)).toBe(false);
    expect(verifies(SECRET, { ...one, body: one.body.replace('42', '43') })).toBe(false);
    const late = {
      ...one.headers,
      'webhook-timestamp': String(Number(one.headers['webhook-timestamp']) + 1),
    };
    expect(verifies(SECRET, { ...one, headers: late })).toBe(false);
  });

  test('signs with every secret while they are changed', async () => {
    await told(webhook({ secrets: [OTHER, SECRET] }));
    const [one] = receiver.received;
    if (one === undefined) throw new Error('nothing came');
    expect([verifies(SECRET, one), verifies(OTHER, one)]).toEqual([true, true]);
  });

  test('sends an event again under the same id with a time of its own', async () => {
    let now = Date.now();
    const sink = webhook({ clock: { now: () => now } });
    await told(sink);
    now += 5000;
    await told(sink);
    const [first, second] = receiver.received;
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(Number(second?.headers['webhook-timestamp']) - Number(first?.headers['webhook-timestamp'])).toBe(
      5,
    );
    expect(second?.body).toBe(first?.body);
  });

  test.each([
    [200, {}, { kind: 'delivered' }],
    [400, {}, { kind: 'refused', reason: 'the receiver answered 400: no such thing' }],
    [500, {}, { kind: 'refused', reason: 'the receiver answered 500: no such thing' }],
    [410, {}, { kind: 'gone', reason: 'the receiver answered 410 Gone' }],
    [
      429,
      { 'retry-after': '7' },
      { kind: 'unavailable', reason: 'the receiver answered 429', retryAfterMs: 7000 },
    ],
    [503, { 'retry-after': 'soon' }, { kind: 'unavailable', reason: 'the receiver answered 503' }],
  ])('takes the answer %i %o for what it is', async (status, headers, expected) => {
    receiver.answer = (response) => void response.writeHead(status, headers).end('no such\r\n\u001bthing ');
    expect(await told(webhook())).toEqual(expect.objectContaining(expected));
  });

  test('takes a date in Retry-After', async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    receiver.answer = (response) => void response.writeHead(503, { 'retry-after': date }).end();
    const outcome = await told(webhook());
    if (outcome?.kind !== 'unavailable') throw new Error('it should be away');
    expect(outcome.retryAfterMs).toBeGreaterThan(50_000);
    expect(outcome.retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test.each([301, 302, 303, 307, 308])('does not follow a redirect: %i', async (status) => {
    const target = await startReceiver();
    receiver.answer = (response) => void response.writeHead(status, { location: target.url }).end();
    expect(await told(webhook())).toEqual({
      kind: 'refused',
      reason: `the receiver answered ${status}; redirects are not followed`,
    });
    expect(target.received).toEqual([]);
    await target.close();
  });

  test('gives up on a receiver that never answers, and on one whose answer never ends', async () => {
    const waits: (() => void)[] = [];
    receiver.answer = (response) => void waits.push(() => response.end());
    const sink = webhook({ timeoutMs: 100 });
    expect(await told(sink)).toEqual({ kind: 'refused', reason: 'no answer within 0.1 s' });
    receiver.answer = (response) => void response.writeHead(200).write('a');
    expect(await told(sink)).toEqual({ kind: 'refused', reason: 'no answer within 0.1 s' });
    receiver.answer = (response) => void response.writeHead(204).end();
    expect(await told(sink)).toEqual({ kind: 'delivered' });
  });

  test('reads no more of an answer than it needs', async () => {
    let closed = false;
    receiver.answer = (response) => {
      response.on('close', () => {
        closed = true;
      });
      response.writeHead(500);
      const flood = setInterval(() => response.write('x'.repeat(65_536)), 1);
      response.on('close', () => clearInterval(flood));
    };
    const outcome = await told(webhook());
    if (outcome?.kind !== 'refused') throw new Error('it should be refused');
    expect(outcome.reason.length).toBeLessThan(1200);
    await vi.waitFor(() => expect(closed).toBe(true), { timeout: 5000 });
  });

  test('says that nobody is there, or that it was cut off', async () => {
    const { url } = receiver;
    await receiver.close();
    expect(await told(webhook({ url }))).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringContaining('ECONNREFUSED'),
    });
    const cutting = createServer((socket) => void socket.once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => void cutting.listen(0, '127.0.0.1', resolve));
    const { port } = cutting.address() as { port: number };
    expect(await told(webhook({ url: `http://127.0.0.1:${port}/` }))).toMatchObject({ kind: 'unavailable' });
    await new Promise((resolve) => cutting.close(resolve));
    receiver = await startReceiver();
  });

  test('ends at once when the service stops, and holds nothing against the receiver', async () => {
    receiver.answer = () => {};
    const stopping = new AbortController();
    const outcome = told(webhook(), EVENT, stopping.signal);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), { timeout: 5000 });
    stopping.abort();
    expect(await outcome).toEqual({ kind: 'unavailable', reason: 'the service is stopping' });
  });

  test.each([
    ...['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '[::1]', '[::ffff:127.0.0.1]'],
    ...['[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '10.0.0.5', '169.254.169.254', '192.168.1.1', '0.0.0.0'],
    ...['[fd00::1]', '[fe80::1]', '[::]', '100.64.0.1', '172.31.0.1', '[2002:7f00:1::]', 'localhost'],
  ])('refuses %s unless private receivers are allowed', async (host) => {
    const { port } = new URL(receiver.url);
    const outcome = await told(webhook({ url: `http://${host}:${port}/`, allowPrivate: false }));
    expect(outcome).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringContaining('is not an address of the public internet'),
    });
    expect(receiver.received).toEqual([]);
  });

  test('judges the very address that it connects to, at every connection', async () => {
    const answers = [[{ address: '93.184.216.34', family: 4 }], [{ address: '127.0.0.1', family: 4 }]];
    const asked: string[] = [];
    const { lookupPublic } = await import('../../public-address.ts');
    const lookup = lookupPublic((hostname, _options, callback) => {
      asked.push(hostname);
      callback(null, answers[Math.min(asked.length, 2) - 1] ?? []);
    });
    const resolve = () =>
      new Promise((done) =>
        lookup('rebinding.example', { all: true }, (error, found) => done(error?.message ?? found)),
      );
    expect(await resolve()).toEqual([{ address: '93.184.216.34', family: 4 }]);
    expect(await resolve()).toContain('is not an address of the public internet');
    const { port } = new URL(receiver.url);
    const url = `http://rebinding.example:${port}/`;
    expect(await told(webhook({ url, allowPrivate: false, lookup }))).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringContaining('rebinding.example is not an address of the public internet'),
    });
    expect(asked).toHaveLength(3);
    expect(receiver.received).toEqual([]);
  });
});
