import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ensurePackages } from '#test/services/packages.ts';
import { selfSigned } from '#test/services/self-signed.ts';
import { type SinkTls, type SmtpSink, startSmtpSink } from '#test/services/smtp-sink.ts';
import { signUp } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { startService } from '../service.ts';

const absent = await ensurePackages([{ command: 'openssl', packages: ['openssl'] }]);

describe.skipIf(absent !== undefined)(`mail over TLS${absent === undefined ? '' : `: ${absent}`}`, () => {
  let folder: string;
  let certificate: string;
  let sink: SmtpSink;
  let tls: Omit<SinkTls, 'fromTheStart'>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'osproxy-mail-tls-'));
    const made = await selfSigned(folder);
    certificate = made.certificate;
    tls = { key: await readFile(made.key), cert: await readFile(made.certificate) };
  });
  afterEach(() => sink.close());
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Asks for one mail, and waits until the service has tried to send it. */
  async function mailed(env: Record<string, string>): Promise<{ readonly log: string }> {
    const service = await startService({
      env: {
        OSPROXY_PUBLIC_URL: 'https://files.example',
        OSPROXY_MAIL_URL: sink.url,
        OSPROXY_MAIL_FROM: 'osproxy <files@example.com>',
        OSPROXY_MAIL_TIMEOUT_SECONDS: '5',
        ...env,
      },
    });
    const anybody = new RestClient(service.url);
    try {
      const anna = await signUp(service, 'anna', { email: 'anna@example.com' });
      anna.client.close();
      const asked = await anybody.call('POST', '/auth/forgot-password', { json: { name: 'anna' } });
      expect(asked.status).toBe(204);
      const failed = () => service.lines.some((line) => line.includes('The mail could not be sent'));
      await expect.poll(() => sink.mails.length > 0 || failed()).toBe(true);
      return { log: service.lines.join('\n') };
    } finally {
      anybody.close();
      await service.close();
    }
  }

  test.each([
    ['from the first byte', true],
    ['after STARTTLS', false],
  ])('is sent %s to a server whose certificate is trusted', async (_how, fromTheStart) => {
    sink = await startSmtpSink({ ...tls, fromTheStart });
    await mailed({ NODE_EXTRA_CA_CERTS: certificate });
    expect(sink.mails.map(({ to, encrypted }) => ({ to, encrypted }))).toEqual([
      { to: ['anna@example.com'], encrypted: true },
    ]);
  });

  test.each([
    ['from the first byte', true],
    ['after STARTTLS', false],
  ])(
    'neither a mail nor the password goes %s to a server that nobody vouches for',
    async (_how, fromTheStart) => {
      sink = await startSmtpSink({ ...tls, fromTheStart });
      const { log } = await mailed({});
      expect([sink.mails.length, sink.logins]).toEqual([0, 0]);
      expect(log).not.toContain('p@ss:word');
    },
  );

  test('neither goes to a server that does not encrypt, unless that is allowed', async () => {
    sink = await startSmtpSink();
    await mailed({});
    expect([sink.mails.length, sink.logins]).toEqual([0, 0]);
    await mailed({ OSPROXY_MAIL_REQUIRE_TLS: 'false' });
    expect(sink.mails.map(({ encrypted }) => encrypted)).toEqual([false]);
  });
});
