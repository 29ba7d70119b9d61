import { readFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem, type } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { processorTimes } from './processor.ts';

/** What the figures were measured on. */
export function machineLine(): string {
  const [first] = cpus();
  const model = first?.model.trim() ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB memory`;
  const system = `${type()} ${release()}, node ${process.version}, ${fileSystem(tmpdir())}`;
  return `machine: ${cpus().length} × ${model}, ${memory}, ${system}`;
}

/**
 * Starts watching; the returned function, called when every process of the benchmark has ended, says what share of the processors went to
 * anything else meanwhile. Undefined where the system does not tell.
 */
export function watchOthers(): () => string | undefined {
  const before = { at: performance.now(), busy: busySeconds(), own: ownSeconds() };
  return () => {
    const own = ownSeconds();
    if (own === undefined || before.own === undefined) return undefined;
    const available = ((performance.now() - before.at) / 1000) * cpus().length;
    const others = busySeconds() - before.busy - (own - before.own);
    const percent = Math.max(0, (others / available) * 100).toFixed(0);
    return `others used ${percent} % of the processors meanwhile (kernel threads included)`;
  };
}

const LOOK_MS = 150;
const IDLE_BELOW = 0.2;
const PATIENCE_SECONDS = 120;

let patience = PATIENCE_SECONDS;

/**
 * Resolves when less than a fifth of the processors is in use, so that a figure is not taken in the middle of somebody else's work. All calls
 * together wait two minutes at most; after that they look no more.
 */
export async function idleMoment(): Promise<void> {
  while (patience > 0) {
    const before = busySeconds();
    const start = performance.now();
    await sleep(LOOK_MS);
    const seconds = (performance.now() - start) / 1000;
    if ((busySeconds() - before) / (seconds * cpus().length) < IDLE_BELOW) return;
    patience -= seconds;
  }
}

function busySeconds(): number {
  const times = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq);
  return times.reduce((sum, milliseconds) => sum + milliseconds, 0) / 1000;
}

/** Of this process and of its children that have ended. */
function ownSeconds(): number | undefined {
  try {
    const { own, children } = processorTimes(process.pid);
    return own + children;
  } catch {
    return undefined;
  }
}

/** The type and device of the file system that holds the path, where the system tells. */
function fileSystem(path: string): string {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, point = '']) => point === '/' || path === point || path.startsWith(`${point}/`))
      .sort(([, a = ''], [, b = '']) => b.length - a.length);
    const [device, , kind] = mounts[0] ?? [];
    return kind === undefined ? 'file system unknown' : `${kind} on ${device}`;
  } catch {
    return 'file system unknown';
  }
}
