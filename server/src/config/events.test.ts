import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load-config.ts';
import { masked } from './mask.ts';

const SINK = {
  name: 'hook',
  type: 'webhook',
  url: 'https://u:pass@example.com/',
  secret: 'whsec_x',
  formerSecrets: ['y'],
};

const load = (...sinks: readonly object[]) =>
  loadConfig({ env: { OSPROXY_EVENTS_SINKS: JSON.stringify(sinks) }, cwd: tmpdir() });

test('sinks keep the settings of their type, and show no secret', async () => {
  const config = await load({ ...SINK, types: ['file.*', 'link.created'], owners: ['shop'] });
  expect(config.events).toMatchObject({ retentionHours: 168, sinks: [{ ...SINK, owners: ['shop'] }] });
  expect(JSON.stringify(masked(config).events)).not.toMatch(/whsec_x|pass|"y"/);
  expect((await load()).events.sinks).toEqual([]);
});

test('the password of a broker is shown nowhere', async () => {
  const url = 'amqp://shop:hunter2@a:5672,b:5672/files';
  const config = await loadConfig({
    env: {
      OSPROXY_RABBITMQ_URL: url,
      OSPROXY_EVENTS_SINKS: JSON.stringify([{ name: 'r', type: 'rabbitmq', url }]),
    },
    cwd: tmpdir(),
  });
  expect(config.rabbitmq).toEqual({ url });
  const shown = JSON.stringify(masked(config));
  expect(shown).toContain('amqp://shop:********@a:5672,b:5672/files');
  expect(shown).not.toContain('hunter2');
});

test.each([
  [[{ ...SINK, types: ['file.gone'] }], /types\[0\] .* is "file\.gone"; it must be one of upload\.created/],
  [[{ ...SINK, maxAttempts: 0 }], /maxAttempts .* is 0; it must be a whole number from 1 to 100 attempts/],
  [[{ type: 'webhook' }], /events\.sinks\[0\]\.name is missing/],
  [[SINK, SINK], /events\.sinks\[1\]\.name .* is "hook", which another sink has/],
])('says in one sentence what is wrong with a sink: %o', async (sinks, sentence) => {
  const error: unknown = await load(...sinks).catch((reason: unknown) => reason);
  if (!(error instanceof ConfigError)) throw new Error('it should be refused');
  expect(error.problems).toEqual([expect.stringMatching(sentence)]);
});
