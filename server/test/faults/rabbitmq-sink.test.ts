import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EventRecord } from '#core/model/event.ts';
import { systemClock } from '#core/ports/clock.ts';
import type { EventSink } from '#core/ports/event-sink.ts';
import { rabbitmq } from '#drivers/event-sinks/rabbitmq/index.ts';
import { parseRabbitUrl } from '#drivers/rabbitmq/address.ts';
import { RabbitSession } from '#drivers/rabbitmq/session.ts';
import { freePort } from '#test/services/ports.ts';
import { type RabbitmqServer, startRabbitmq } from '#test/services/rabbitmq.ts';
import { withService } from '#test/services/shared.ts';
import { TcpFaultProxy } from '#test/services/tcp-fault-proxy.ts';
import { silentLogger } from '#test/silent-logger.ts';

const run = promisify(execFile);
const WITHIN = { timeout: 30_000, interval: 50 };
const never = new AbortController().signal;
const EVENT: EventRecord = {
  position: '1',
  type: 'file.ready',
  subject: '77',
  owner: 'shop',
  at: 1_772_357_400_000,
  data: { uid: '77' },
};

async function said(sink: EventSink): Promise<string> {
  const [outcome] = await sink.deliver([EVENT], never);
  return outcome?.kind === 'unavailable' ? outcome.reason : String(outcome?.kind);
}

await withService('rabbitmq-server', () => {
  let broker: RabbitmqServer;
  let folder: string;
  let tlsPort: number;
  let tls: Awaited<ReturnType<typeof makeCertificates>>;
  const sinks: EventSink[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'osproxy-rabbitmq-tls-'));
    tls = await makeCertificates(folder);
    tlsPort = await freePort();
    broker = await startRabbitmq({
      settings: [
        `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
        `ssl_options.certfile = ${tls.certFile}`,
        `ssl_options.keyfile = ${tls.keyFile}`,
        `ssl_options.cacertfile = ${tls.caFile}`,
        'ssl_options.verify = verify_peer',
        'ssl_options.fail_if_no_peer_cert = true',
      ],
    });
  }, 120_000);
  afterAll(async () => {
    for (const sink of sinks) await sink.close();
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  afterEach(() => broker.thaw());

  const sinkOf = (settings: Parameters<typeof rabbitmq.create>[0]): EventSink => {
    const given = { url: broker.url, timeoutSeconds: 2, ...settings };
    const { sink } = rabbitmq.create(given, { source: undefined, clock: systemClock, logger: silentLogger });
    sinks.push(sink);
    return sink;
  };

  describe('a sink of RabbitMQ says what its user may not do', () => {
    test('which cannot make the exchange, nor write to it, until it may', { timeout: 90_000 }, async () => {
      expect(await said(sinkOf({}))).toBe('delivered');
      await broker.addUser('reader', '^$', '^$', '.*');
      const url = broker.urlOf('reader', 'reader');
      expect(await said(sinkOf({ url }))).toMatch(
        /^the broker refused what the user is not permitted to do: (configure )?access to exchange 'osproxy\.events'/,
      );
      const passive = sinkOf({ url, declareExchange: false });
      for (let i = 0; i < 2; i++) {
        expect(await said(passive)).toMatch(
          /^the broker refused what the user is not permitted to do: (write )?access to exchange/,
        );
      }
      await broker.command('set_permissions', '-p', '/', 'reader', '^$', '^osproxy', '^$');
      await vi.waitFor(async () => expect(await said(passive)).toBe('delivered'), WITHIN);
      await broker.command('clear_permissions', '-p', '/', 'reader');
      expect(await said(sinkOf({ url }))).toMatch(/^the broker does not allow it: .*vhost '\/' refused/);
    });
  });

  describe('a sink of RabbitMQ goes on by itself', () => {
    test('when an alarm of memory or disk is over', { timeout: 120_000 }, async () => {
      const sink = sinkOf({});
      expect(await said(sink)).toBe('delivered');
      for (const [alarm, level, calm] of [
        ['set_vm_memory_high_watermark', '1MB', '1GB'],
        ['set_disk_free_limit', '900000GB', '50MB'],
      ] as const) {
        const set = (value: string) =>
          broker.command(alarm, ...(alarm === 'set_disk_free_limit' ? [value] : ['absolute', value]));
        await set(level);
        await vi.waitFor(async () => {
          expect(await said(sink)).toMatch(/^the broker takes no messages for now: low on (memory|disk)$/);
        }, WITHIN);
        expect(await said(sinkOf({}))).toMatch(/takes no messages for now|confirmed nothing/);
        await set(calm);
        await vi.waitFor(async () => expect(await said(sink)).toBe('delivered'), WITHIN);
      }
    });

    test('when the broker was killed, or stood still without a word', { timeout: 120_000 }, async () => {
      const sink = sinkOf({});
      expect(await said(sink)).toBe('delivered');
      broker.freeze();
      await vi.waitFor(
        async () => expect(await said(sink)).toBe('the broker confirmed nothing within 2 s'),
        WITHIN,
      );
      expect(await said(sink)).toBe('the broker cannot be reached: it does not answer in time');
      broker.thaw();
      await vi.waitFor(async () => expect(await said(sink)).toBe('delivered'), WITHIN);
      await broker.kill();
      expect(await said(sink)).toMatch(/^the (connection to the broker broke|broker .*)/);
      expect(await said(sink)).toBe('the broker cannot be reached: nothing listens at its address');
      await broker.start();
      await vi.waitFor(async () => expect(await said(sink)).toBe('delivered'), WITHIN);
    });

    test('when a connection that nobody uses falls silent', { timeout: 90_000 }, async () => {
      const proxy = await TcpFaultProxy.start(broker.port);
      const address = parseRabbitUrl(broker.urlOf('guest', 'guest', proxy.port));
      const options = { address, tls: {}, name: 'silent', timeoutMs: 2000 };
      const session = await RabbitSession.connect(options, never);
      try {
        proxy.set({ breaking: { direction: 'down', afterBytes: 0, how: 'silence' } });
        // Heartbeats of ten seconds, of which two may be missed.
        await vi.waitFor(() => expect(session.trouble?.kind).toBe('lost'), {
          timeout: 45_000,
          interval: 200,
        });
        expect(session.trouble?.reason).toBe(
          'the connection to the broker was given up: it sent no heartbeat',
        );
      } finally {
        await session.close();
        await proxy.close();
      }
    });

    test('closes within bounded time while the broker is blocked or stands still', {
      timeout: 60_000,
    }, async () => {
      const sink = sinkOf({});
      expect(await said(sink)).toBe('delivered');
      broker.freeze();
      await sleep(500);
      const began = performance.now();
      const asked = said(sink);
      await sink.close();
      expect(await asked).not.toBe('delivered');
      expect(performance.now() - began).toBeLessThan(10_000);
    });
  });

  describe('a sink of RabbitMQ over TLS', () => {
    test('trusts only the authority that it is told, and shows the certificate that it is asked for', async () => {
      const url = `amqps://guest:guest@localhost:${tlsPort}`;
      const untrusted = /^the certificate of the broker is not trusted: /;
      const { caFile, certFile, keyFile } = tls;
      expect(await said(sinkOf({ url, certFile, keyFile }))).toMatch(untrusted);
      expect(await said(sinkOf({ url, caFile }))).toMatch(
        /^(there is no secure connection|the broker|the conn)/,
      );
      expect(await said(sinkOf({ url, ...tls }))).toBe('delivered');
      const elsewhere = `amqps://guest:guest@127.0.0.1:${tlsPort}`;
      expect(await said(sinkOf({ url: elsewhere, ...tls }))).toMatch(untrusted);
      const plain = `amqps://guest:guest@localhost:${broker.port}`;
      expect(await said(sinkOf({ url: plain, ...tls }))).toMatch(/^(there is no secure connection|the conn)/);
    });
  });
});

/** An authority, and a certificate by it for whoever is called localhost. */
async function makeCertificates(folder: string) {
  const at = (name: string) => join(folder, `${name}.pem`);
  const openssl = (...args: string[]) => run('openssl', args);
  const fresh = ['req', '-newkey', 'rsa:2048', '-nodes'];
  const authority = ['-x509', '-days', '2', '-subj', '/CN=authority'];
  await openssl(...fresh, ...authority, '-keyout', at('ca-key'), '-out', at('ca'));
  await openssl(...fresh, '-subj', '/CN=localhost', '-keyout', at('key'), '-out', at('request'));
  await writeFile(at('names'), 'subjectAltName=DNS:localhost\n');
  const signing = ['-CA', at('ca'), '-CAkey', at('ca-key'), '-CAcreateserial', '-extfile', at('names')];
  await openssl('x509', '-req', '-days', '2', '-in', at('request'), '-out', at('certificate'), ...signing);
  return { caFile: at('ca'), certFile: at('certificate'), keyFile: at('key') };
}
