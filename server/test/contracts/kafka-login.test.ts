import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Logger } from '#core/ports/logger.ts';
import { KafkaProducer } from '#drivers/kafka/kafka-producer.ts';
import type { KafkaSettings } from '#drivers/kafka/kafka-settings.ts';
import { selfSigned } from '#test/services/self-signed.ts';
import { type LoginBroker, startLoginBroker } from './kafka-login-broker.ts';

const USER = { username: 'me', password: 'hunter2hunter2', timeoutSeconds: 4 };
const never = new AbortController().signal;

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function broker(tls?: { key: string; cert: string }): Promise<LoginBroker> {
  const started = await startLoginBroker(tls);
  open.push(started);
  return started;
}

/** What a client says that cannot get in, and all that it logs. */
async function refusalOf(settings: KafkaSettings): Promise<{ reason: string; log: string }> {
  const logged: string[] = [];
  const note = (fields: object, message: string) => void logged.push(message + JSON.stringify(fields));
  const logger: Logger = { debug: note, info: note, warn: note, error: note, child: () => logger };
  const producer = new KafkaProducer(settings, 'none', logger);
  open.unshift(producer);
  const error: unknown = await producer
    .send('topic', [{ key: 'k', value: 'v', headers: {} }], never)
    .catch((reason: unknown) => reason);
  if (!(error instanceof Error)) throw new Error('it should be refused');
  expect(error).toMatchObject({ code: 'Unavailable' });
  return { reason: error.message, log: logged.join('\n') };
}

test.each([
  ['plain', 'PLAIN', /^\0me\0hunter2hunter2$/],
  ['scram-sha-256', 'SCRAM-SHA-256', /^n,,n=me,r=/],
  ['scram-sha-512', 'SCRAM-SHA-512', /^n,,n=me,r=/],
] as const)(
  'a user is named by %s, and a refusal says so without the password',
  async (saslMechanism, name, proof) => {
    const { port, mechanisms, proofs } = await broker();
    const { reason, log } = await refusalOf({ brokers: [`127.0.0.1:${port}`], ...USER, saslMechanism });
    expect(new Set(mechanisms)).toEqual(new Set([name]));
    expect(proofs[0]).toMatch(proof);
    expect(reason).toMatch(/does not accept the user/);
    expect(reason + log).not.toContain('hunter2');
  },
);

test('TLS is spoken only with a broker whose certificate is trusted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-kafka-tls-'));
  try {
    const { key, certificate: caFile } = await selfSigned(folder);
    const cert = await readFile(caFile, 'utf8');
    const { port, proofs } = await broker({ key: await readFile(key, 'utf8'), cert });
    const at = { brokers: [`localhost:${port}`], tls: true, ...USER, saslMechanism: 'plain' } as const;
    expect((await refusalOf(at)).reason).toMatch(/certificate/);
    expect((await refusalOf({ ...at, brokers: [`127.0.0.1:${port}`], caFile })).reason).toMatch(
      /does not match certificate/,
    );
    expect(proofs).toEqual([]);
    expect((await refusalOf({ ...at, caFile })).reason).toMatch(/does not accept the user/);
    expect(proofs.length).toBeGreaterThan(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
