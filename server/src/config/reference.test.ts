import { expect, it } from 'vitest';
import { SETTINGS } from './settings.ts';

it('names every setting once, with its own variable, a meaning and a default', () => {
  expect(new Set(SETTINGS.map((setting) => setting.env)).size).toBe(SETTINGS.length);
  for (const { name, schema } of SETTINGS) {
    expect(schema.description, name).toMatch(/\.$/);
    expect(schema.default !== undefined || schema.defaultText !== undefined, name).toBe(true);
    if (schema.type === 'integer') expect(schema.unit, name).toBeDefined();
  }
});

it('gives scripts the variables they may rely on', () => {
  expect(SETTINGS.map((setting) => setting.env)).toEqual(
    expect.arrayContaining([
      'OSPROXY_HOST',
      'OSPROXY_PORT',
      'OSPROXY_DATA_DIR',
      'OSPROXY_API_KEY',
      'OSPROXY_V0_ANONYMOUS',
      'OSPROXY_DATABASE_URL',
      'OSPROXY_NODE_ID',
      'OSPROXY_LINKS_KEYS',
      'OSPROXY_HTTP_JSON_BODY_LIMIT_KIB',
      'OSPROXY_HTTP_IDLE_TIMEOUT_SECONDS',
    ]),
  );
});
