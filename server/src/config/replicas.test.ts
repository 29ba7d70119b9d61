import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load-config.ts';
import { masked } from './mask.ts';

const PRIMARY = 'postgres://me:sesame@db1/osproxy';
const SECOND = 'postgres://me:sesame@db2:5433/osproxy?sslmode=require';
const THIRD = 'postgresql://me:sesame@db3/osproxy';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function load(replicas: string, more: Record<string, string> = {}) {
  const env = { OSPROXY_DATABASE_URL: PRIMARY, OSPROXY_DATABASE_REPLICAS: replicas, ...more };
  return loadConfig({ env, cwd: folder });
}

async function problem(replicas: string, more: Record<string, string> = {}): Promise<string> {
  const error: unknown = await load(replicas, more).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigError)) throw error ?? new Error('It was accepted.');
  expect(error.problems).toHaveLength(1);
  expect(error.problems.join()).not.toContain('sesame');
  return error.problems.join();
}

it('takes a list of addresses and masks their passwords', async () => {
  const config = await load(`${SECOND}, ${THIRD}`);
  expect(config.database.replicas).toEqual([SECOND, THIRD]);
  expect(JSON.stringify(masked(config))).not.toContain('sesame');
  expect(JSON.stringify(masked(config))).toContain('@db2:5433/osproxy?sslmode=require');
});

it('says in one sentence what is wrong with them, without a password', async () => {
  const from = 'from the environment variable OSPROXY_DATABASE_REPLICAS';
  const at = (index: number) => `database.replicas[${index}] (${from})`;
  const sqlite = { OSPROXY_DATABASE_URL: '' };
  expect(await problem(SECOND, sqlite)).toContain(`database.replicas (${from}) needs database.url to name`);
  expect(await problem(`${SECOND},db3`)).toContain(`${at(1)} is not the address of a database server`);
  expect(await problem('mysql://me:sesame@db2/osproxy')).toContain(`${at(0)} is another kind of server`);
  expect(await problem(`${SECOND},${SECOND}`)).toContain(`${at(1)} is named twice`);
  const many = Array.from({ length: 17 }, (_, i) => `postgres://me:sesame@db${i}/osproxy`).join(',');
  expect(await problem(many)).toContain('at most 16');
  const times = { OSPROXY_DATABASE_REPLICA_MAX_LAG_SECONDS: '90' };
  expect(await problem(SECOND, times)).toContain(
    'must not be above database.replicaMinAgeSeconds, which is 60',
  );
});
