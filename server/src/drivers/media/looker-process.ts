import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { OsproxyError } from '#core/errors.ts';
import type { MediaReason } from '#core/model/media.ts';
import type { MediaSource } from '#core/ports/media-tools.ts';
import { type FromLooker, type Job, type Looked, OVER_MEMORY, type ToLooker } from './protocol.ts';

const LOOKER = fileURLToPath(new URL('./looker.ts', import.meta.url));
/** What the process takes before it looks at anything: measured, with room for other machines. */
const OWN_RSS_BYTES = 96 << 20;
const OWN_DATA_KIB = 680 * 1024;
const HEAP_MIB = 128;
const DESCRIBED_WITHIN_MS = 20_000;

interface Fate {
  readonly resolve: (looked: Looked) => void;
  readonly reject: (error: unknown) => void;
}

export interface Limit {
  /** Bytes beyond what the process takes anyway. */
  readonly memoryBytes: number;
  /** Milliseconds of work; waiting for the store does not count. */
  readonly timeMs: number;
}

/** One child process. Whatever happens to it, a call ends: with a refusal, or with what the source rejected with. */
export class LookerProcess {
  readonly #child: ChildProcess;
  readonly #limit: Limit;
  readonly #ended: Promise<void>;
  #listener: ((message: FromLooker) => void) | undefined;
  #onEnd: ((reason: MediaReason) => void) | undefined;
  #killedFor: MediaReason | undefined;
  isOver = false;

  constructor(limit: Limit) {
    this.#limit = limit;
    this.#child = start(limit.memoryBytes);
    this.#child.unref();
    this.#child.channel?.unref();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      if (this.isOver) return;
      this.isOver = true;
      // V8 aborts when its heap is full; the system kills who takes the last memory.
      const isMemory = code === OVER_MEMORY || signal === 'SIGABRT' || signal === 'SIGKILL' || code === 134;
      this.#onEnd?.(this.#killedFor ?? (isMemory ? 'memory' : 'crashed'));
      resolve();
    };
    this.#child.once('exit', end);
    this.#child.once('error', () => end(null, null));
    this.#child.on('message', (message) => this.#listener?.(message as FromLooker));
  }

  /** For tests of what happens when it dies. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  look(job: Job, source: MediaSource, signal: AbortSignal): Promise<Looked> {
    const { promise, resolve, reject } = Promise.withResolvers<Looked>();
    const clock = new WorkClock(this.#limit.timeMs, () => this.#kill('time'));
    const fate = this.#fateOf({ resolve, reject }, clock, signal);
    this.#onEnd = (reason) => fate.resolve({ refusal: { reason, message: MESSAGES[reason] } });
    if (this.isOver) this.#onEnd('crashed');
    this.#listener = (message) => {
      if (message.kind === 'looked') {
        const { kind: _kind, ...looked } = message;
        fate.resolve(looked);
      } else if (message.kind === 'read') {
        clock.pause();
        const { offset, length } = message;
        source.read(offset, length, signal).then(
          (bytes) => {
            clock.go();
            this.#say({ kind: 'bytes', bytes });
          },
          (error: unknown) => {
            // It waits for bytes that will not come.
            fate.reject(error);
            this.#kill('crashed');
          },
        );
      }
    };
    clock.go();
    this.#say(job);
    return promise;
  }

  /** Rejects with a sentence where images cannot be looked at. */
  describe(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => this.#kill('time'), DESCRIBED_WITHIN_MS);
    const fail = (why: string) => reject(new OsproxyError('Unsupported', why));
    this.#onEnd = () => fail('The process that looks at images cannot be started.');
    if (this.isOver) this.#onEnd('crashed');
    this.#listener = (message) => {
      if (message.kind !== 'described') return;
      if (message.failure === undefined) resolve(message.text);
      else fail(message.failure);
    };
    this.#say({ kind: 'describe' });
    return promise.finally(() => clearTimeout(timer));
  }

  async end(): Promise<void> {
    // Nothing else may be left that keeps this process waiting.
    this.#child.ref();
    this.#kill('crashed');
    await this.#ended;
  }

  #fateOf(fate: Fate, clock: WorkClock, signal: AbortSignal): Fate {
    const cancel = () => {
      settle(() =>
        fate.reject(new OsproxyError('Cancelled', 'The work was stopped.', { cause: signal.reason })),
      );
      this.#kill('crashed');
    };
    const settle = (how: () => void) => {
      clock.stop();
      signal.removeEventListener('abort', cancel);
      this.#listener = undefined;
      this.#onEnd = undefined;
      how();
    };
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
    return {
      resolve: (looked) => settle(() => fate.resolve(looked)),
      reject: (error) => settle(() => fate.reject(error)),
    };
  }

  #say(message: ToLooker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #kill(reason: MediaReason): void {
    this.#killedFor ??= reason;
    this.#child.kill('SIGKILL');
  }
}

const MESSAGES: Readonly<Record<MediaReason, string>> = {
  unsupported: 'It is not looked at.',
  'too-large': 'It is too large.',
  'too-many-pixels': 'It has too many pixels.',
  damaged: 'It is broken.',
  disguised: 'It is something else as well.',
  memory: 'Looking at it takes more memory than it may.',
  time: 'Looking at it takes longer than it may.',
  crashed: 'Looking at it ended the process that did so.',
};

/** Time that runs only while the process has something to do. */
class WorkClock {
  readonly #onOver: () => void;
  #leftMs: number;
  #since: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, onOver: () => void) {
    this.#leftMs = ms;
    this.#onOver = onOver;
  }

  go(): void {
    if (this.#since !== undefined) return;
    this.#since = performance.now();
    this.#timer = setTimeout(this.#onOver, this.#leftMs);
  }

  pause(): void {
    if (this.#since !== undefined) this.#leftMs -= performance.now() - this.#since;
    this.stop();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#since = undefined;
  }
}

/**
 * Without the environment of the service, which has secrets, without the right to write files, to start processes or threads; where there is a shell, the
 * system refuses it more memory than its limit, and everywhere it looks at its own size and ends itself.
 */
function start(memoryBytes: number): ChildProcess {
  const node = [
    process.execPath,
    `--max-old-space-size=${HEAP_MIB}`,
    '--permission',
    '--allow-fs-read=*',
    '--allow-addons',
    '--disable-warning=SecurityWarning',
    '--disable-warning=ExperimentalWarning',
    LOOKER,
    String(OWN_RSS_BYTES + memoryBytes),
  ];
  const kib = OWN_DATA_KIB + Math.ceil(memoryBytes / 1024);
  const [command = '', ...args] = hasShell()
    ? [
        '/bin/sh',
        '-c',
        'ulimit -d "$0" 2>/dev/null; ulimit -c 0 2>/dev/null; ulimit -t 3600 2>/dev/null; exec "$@"',
        String(kib),
        ...node,
      ]
    : node;
  return spawn(command, args, {
    cwd: tmpdir(),
    env: { LANG: 'C', NODE_NO_WARNINGS: '1', MALLOC_ARENA_MAX: '2' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
    windowsHide: true,
  });
}

function hasShell(): boolean {
  return process.platform === 'linux' && existsSync('/bin/sh');
}
