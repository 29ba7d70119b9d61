import { describe, expect, test } from 'vitest';
import { isOsproxyError } from '#core/errors.ts';
import { systemClock } from '#core/ports/clock.ts';
import { silentLogger } from '#test/silent-logger.ts';
import { prepareSink, type SinkSettings } from './index.ts';

const SECRET = `whsec_${Buffer.alloc(32, 'a').toString('base64')}`;
const KAFKA = { type: 'kafka', url: undefined, secret: undefined, brokers: ['k1'] };
const GOOD = { type: 'webhook', url: 'https://example.com/events', secret: SECRET };

function problemsOf(settings: SinkSettings): readonly string[] {
  try {
    prepareSink('hook', settings);
    return [];
  } catch (error) {
    if (!isOsproxyError(error, 'InvalidArgument')) throw error;
    return (error.details.problems as readonly string[] | undefined) ?? [error.message];
  }
}

describe('an event sink of the configuration', () => {
  test('is made of good settings without asking its receiver', async () => {
    const { sink, batching } = prepareSink('hook', { ...GOOD, lanes: 3 }).start({
      source: undefined,
      clock: systemClock,
      logger: silentLogger,
    });
    expect(batching).toMatchObject({ items: 1, lanes: 3 });
    await sink.close();
    expect(problemsOf({ ...GOOD, url: 'http://127.0.0.1:1/', allowPrivate: true })).toEqual([]);
    expect(problemsOf({ ...KAFKA, brokers: ['kafka.example.com:9092', '[::1]:9092', '10.0.0.1'] })).toEqual(
      [],
    );
  });

  test.each([
    [
      { type: 'smoke' },
      'The event sink "hook" has the type "smoke"; it must be one of kafka, rabbitmq, webhook.',
    ],
    [{ url: undefined }, /needs the setting "url"/],
    [{ url: 'ftp://user:pass@example.com/' }, /url is not an http:\/\/ or https:\/\/ address/],
    [{ url: 'http://10.1.2.3/' }, /url is at 10\.1\.2\.3, which is not .* set allowPrivate to true/],
    [{ url: 'http://0x7f000001/' }, /url is at 127\.0\.0\.1/],
    [{ url: 'http://[::ffff:10.0.0.1]/' }, /url is at ::ffff:a00:1/],
    [{ secret: 'hunter2hunter2' }, /secret is \(hidden\); it must be `whsec_`/],
    [{ secret: `whsec_${Buffer.alloc(23).toString('base64')}` }, /secret is \(hidden\)/],
    [{ formerSecrets: ['x'] }, /formerSecrets is \(hidden\); each must be `whsec_`/],
    [{ formerSecrets: [SECRET] }, /formerSecrets is \(hidden\); each must be another/],
    [{ timeoutSeconds: 0 }, /timeoutSeconds is 0; it must be a number from 1 to 300 seconds/],
    [{ lane: 2 }, /does not have the setting "lane"/],
    [{ ...KAFKA, brokers: undefined }, /needs the setting "brokers": Brokers to begin with/],
    [{ ...KAFKA, brokers: ['k1:9092', 'me:hunter2@k2'] }, /brokers has \(hidden\); it must be a host name/],
    [{ ...KAFKA, username: 'me' }, /username is set without password/],
    [{ ...KAFKA, password: 'hunter2' }, /password is set without username/],
    [{ ...KAFKA, caFile: '/' }, /caFile is set, but tls is not true/],
    [{ ...KAFKA, tls: true, caFile: '/nowhere/ca.pem' }, /caFile is "\/nowhere\/ca.pem", and there is no/],
    [{ ...KAFKA, topic: 'a b' }, /topic is "a b"; it must be 1 to 249 letters/],
    [{ ...KAFKA, keyBy: 'name' }, /keyBy is "name"; it must be one of subject, owner/],
  ])('says in one sentence what is wrong with %o', (wrong, expected) => {
    const problems = problemsOf({ ...GOOD, ...wrong } as SinkSettings);
    expect(problems).toEqual([expect.stringMatching(expected)]);
    expect(problems.join()).not.toMatch(/hunter2|pass@/);
  });

  const BROKER = { type: 'rabbitmq', url: 'amqps://shop:hunter2@a.example.com,b.example.com:5/files' };

  test.each([
    [{ url: undefined }, /url is missing; set it, or rabbitmq\.url/],
    [{ url: 'http://shop:hunter2@a/' }, /url is not an address of RabbitMQ; it must look like amqp:/],
    [{ url: 'amqp://shop@a/' }, /url has a user without a password/],
    [{ url: 'amqp://shop:hunter2:x@a/' }, /url has a colon in its password/],
    [{ url: 'amqp://shop:hunter2%@a/' }, /url has a % that begins no escape/],
    [{ url: 'amqp://shop:hunter2@a b/' }, /url has the host "a b"/],
    [{ url: 'amqp://shop:hunter2@a:99999/' }, /url has the host "a:99999"/],
    [{ url: 'amqp://shop:hunter2@a/files?heartbeat=1' }, /url goes on after the virtual host/],
    [{ url: 'amqp://shop:hunter2@a', caFile: '/nowhere' }, /url is not encrypted/],
    [{ caFile: '/nowhere/ca.pem' }, /caFile is "\/nowhere\/ca\.pem", which cannot be read \(ENOENT\)/],
    [{ certFile: '/nowhere' }, /certFile and keyFile belong together/],
    [{ exchange: '' }, /exchange is "".*1 to 127 letters/],
    [{ routingKey: '{type}.{uid}' }, /routingKey has the field \{uid\}, which events do not have/],
    [{ maxInFlight: 501 }, /maxInFlight is 501; it must be a number from 1 to 500 events/],
  ])('of RabbitMQ says in one sentence what is wrong with %o', (wrong, expected) => {
    const problems = problemsOf({ ...BROKER, ...wrong } as SinkSettings);
    expect(problems).toEqual([expect.stringMatching(expected)]);
    expect(problems.join()).not.toMatch(/hunter2/);
    expect(problemsOf(BROKER)).toEqual([]);
  });
});
