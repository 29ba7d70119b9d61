import { mkdir, readFile, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { BootstrapFailure } from './failure.mjs';

const HEARTBEAT_MS = 2_000;
const SILENT_MS = 30_000;
const POLL_MS = 100;
const WAIT_MS = 15 * 60_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `work` while no other process on this checkout does; a lock whose holder is dead or silent for 30 s is taken over. */
export async function withLock(path, work, onWait = () => {}) {
  await mkdir(dirname(path), { recursive: true });
  const deadline = Date.now() + WAIT_MS;
  let waited = false;
  while (!(await tryMkdir(path))) {
    if (Date.now() > deadline) {
      throw new BootstrapFailure(
        `another installation has held ${path} for 15 minutes; remove that folder if none is running.`,
      );
    }
    if (await isStale(path)) await breakLock(path);
    else {
      if (!waited) onWait();
      waited = true;
      await sleep(POLL_MS);
    }
  }
  await writeFile(ownerFile(path), JSON.stringify({ pid: process.pid, host: hostname() }));
  const beat = setInterval(() => touch(path), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(path, { recursive: true, force: true });
  }
}

const ownerFile = (path) => join(path, 'owner.json');

async function tryMkdir(path) {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function touch(path) {
  const now = new Date();
  utimes(path, now, now).catch(() => {});
}

async function ageOf(path) {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch {
    return undefined;
  }
}

async function isStale(path) {
  const age = await ageOf(path);
  if (age === undefined) return false;
  if (age > SILENT_MS) return true;
  try {
    const owner = JSON.parse(await readFile(ownerFile(path), 'utf8'));
    return owner.host === hostname() && !isAlive(owner.pid);
  } catch {
    return false;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Two processes may see the same stale lock; only the one that makes the breaker folder looks again and removes it. */
async function breakLock(path) {
  const breaker = `${path}.breaking`;
  if (!(await tryMkdir(breaker))) {
    if (((await ageOf(breaker)) ?? 0) > SILENT_MS) await rmdir(breaker).catch(() => {});
    await sleep(POLL_MS);
    return;
  }
  try {
    if (await isStale(path)) await rm(path, { recursive: true, force: true });
  } finally {
    await rmdir(breaker).catch(() => {});
  }
}
