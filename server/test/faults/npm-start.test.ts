import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { random as randomBytes } from '../e2e/rest/client.ts';
import { API_KEY } from '../e2e/service.ts';
import { settles } from './probe.ts';
import { head, RawClient } from './raw-client.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SIZE = 4 * 1024 * 1024;

let dataDir: string;
let group = 0;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'osproxy-npm-'));
});
afterEach(async () => {
  // npm, its shell and the service, whatever is left of them.
  if (group > 0 && isAlive(-group)) process.kill(-group, 'SIGKILL');
  await rm(dataDir, { recursive: true, force: true });
});

/** Resolves with the address once the service that npm started listens. */
async function listening(npm: ChildProcess): Promise<string> {
  let output = '';
  for (const stream of [npm.stdout, npm.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  }
  let url: string | undefined;
  await settles(25_000, async () => {
    url = /"url":"(http:[^"]+)"[^}]*"msg":"listening"/.exec(output)?.[1];
    return url === undefined ? `not listening:\n${output}` : undefined;
  });
  return url ?? '';
}

/** Process id of the service among the descendants of npm; 0 when there is none. */
async function serving(npm: number): Promise<number> {
  const { stdout } = spawn('ps', ['-eo', 'pid=,ppid=,args='], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  for await (const chunk of stdout) text += chunk;
  const rows = text.split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line));
  const family = new Set([npm]);
  let found = 0;
  for (const row of rows.sort((a, b) => Number(a?.[1]) - Number(b?.[1]))) {
    const [pid, parent] = [Number(row?.[1]), Number(row?.[2])];
    if (!family.has(parent)) continue;
    family.add(pid);
    if (row?.[3]?.includes('main.ts serve')) found = pid;
  }
  return found;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('SIGTERM to npm start lets a slow upload finish, then npm and the service end with 0', {
  timeout: 60_000,
}, async () => {
  const npm = spawn('npm', ['start'], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      OSPROXY_PORT: '0',
      OSPROXY_DATA_DIR: dataDir,
      OSPROXY_API_KEY: API_KEY,
      OSPROXY_HTTP_DRAIN_SECONDS: '20',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  group = npm.pid ?? 0;
  const ended = once(npm, 'exit');
  const url = await listening(npm);
  const service = await serving(group);
  expect(service).toBeGreaterThan(0);
  const up = await RawClient.open(url);
  const bytes = randomBytes(SIZE);
  const key = { authorization: `Bearer ${API_KEY}`, 'content-length': SIZE };
  await up.send(head('PUT', '/api/v1/files/slow-upload', key));
  await up.send(bytes.subarray(0, SIZE / 2));
  await sleep(500);

  npm.kill('SIGTERM');
  await settles(5000, async () => {
    const more = await RawClient.open(url).catch(() => undefined);
    more?.leave('reset');
    return more === undefined ? undefined : 'new connections are taken';
  });
  expect(npm.exitCode ?? npm.signalCode).toBeNull();
  await up.send(bytes.subarray(SIZE / 2));
  await up.closedWithin(10_000);
  expect(up.statuses).toEqual([201]);
  expect(await ended).toEqual([0, null]);
  expect(isAlive(service)).toBe(false);
});
