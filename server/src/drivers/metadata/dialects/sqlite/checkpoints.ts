import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { OsproxyError } from '#core/errors.ts';
import type { Logger } from '#core/ports/logger.ts';

export type CheckpointRequest = 'passive' | 'restart' | 'truncate' | 'close';

/** `frames` lie in the log, `copied` of them are in the database file; both -1 when the file is not in WAL mode. */
export type CheckpointAnswer =
  | { readonly busy: boolean; readonly frames: number; readonly copied: number }
  | { readonly error: string };

export interface CheckpointLimits {
  /** Milliseconds between two looks at the log while it is written to. */
  readonly intervalMs: number;
  /** Bytes from which writers are held for a moment, so that the log starts over. */
  readonly restartBytes: number;
  /** Bytes from which a log that does not start over is reported. */
  readonly warnBytes: number;
}

export const DEFAULT_CHECKPOINT_LIMITS: CheckpointLimits = {
  intervalMs: 250,
  restartBytes: 32 * 1024 * 1024,
  warnBytes: 256 * 1024 * 1024,
};

const PAGE_BYTES = 4096;
/** After readers kept the log from starting over, writers are not held again for this long. */
const BLOCKED_PAUSE_MS = 2000;
const WARN_EVERY_MS = 60_000;

/**
 * Keeps the write-ahead log small from a worker thread, so that copying and syncing never block the event loop. A passive checkpoint
 * alone would not do under steady load: writers add frames while it copies, and the log starts over only when a writer finds all of it
 * copied. So once the log is large, and a passive pass has copied nearly everything, writers are held while the rest is copied.
 */
export class Checkpoints {
  readonly #path: string;
  readonly #exclusive: (action: () => Promise<void>) => Promise<void>;
  readonly #logger: Logger;
  readonly #limits: CheckpointLimits;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #dirty = false;
  #stopped = false;
  #blockedUntil = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(
    path: string,
    exclusive: (action: () => Promise<void>) => Promise<void>,
    logger: Logger,
    limits: CheckpointLimits,
  ) {
    this.#path = path;
    this.#exclusive = exclusive;
    this.#logger = logger;
    this.#limits = limits;
  }

  /** Call after every commit: the log has grown. */
  noteCommit(): void {
    this.#dirty = true;
    this.#schedule();
  }

  /** Ends the checkpoints; `truncate` copies what is left and empties the log first. */
  async close(truncate: boolean): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    try {
      if (truncate) await this.#ask('truncate');
    } catch (error) {
      this.#logger.warn({ err: error }, 'The last checkpoint failed; the next start copies the log.');
    }
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    const exit = once(worker, 'exit');
    worker.ref();
    worker.postMessage('close' satisfies CheckpointRequest);
    await exit;
  }

  #schedule(): void {
    if (this.#stopped || this.#timer !== undefined || this.#running !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#tick().finally(() => {
        this.#running = undefined;
        if (this.#dirty) this.#schedule();
      });
    }, this.#limits.intervalMs).unref();
  }

  async #tick(): Promise<void> {
    this.#dirty = false;
    try {
      const { frames, copied } = await this.#ask('passive');
      const bytes = frames * PAGE_BYTES;
      // Readers of an older state keep frames from being copied; the next look may find them gone.
      if (copied < frames) this.#dirty = true;
      if (bytes < this.#limits.restartBytes || performance.now() < this.#blockedUntil)
        return this.#watch(bytes);
      await this.#exclusive(async () => {
        const { busy } = await this.#ask('restart');
        if (busy) this.#blockedUntil = performance.now() + BLOCKED_PAUSE_MS;
        this.#watch(busy ? bytes : 0);
      });
    } catch (error) {
      this.#logger.error({ err: error }, 'A checkpoint of the database failed; it is tried again.');
    }
  }

  #watch(bytes: number): void {
    const now = performance.now();
    if (bytes < this.#limits.warnBytes || now - this.#warnedAt < WARN_EVERY_MS) return;
    this.#warnedAt = now;
    this.#logger.warn(
      { walBytes: bytes },
      'The database log keeps growing because a reader holds an old state; end long queries on this database.',
    );
  }

  async #ask(request: CheckpointRequest): Promise<{ busy: boolean; frames: number; copied: number }> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const controller = new AbortController();
    const { signal } = controller;
    // While somebody waits for the thread, it keeps the process alive.
    worker.ref();
    try {
      const message = once(worker, 'message', { signal });
      const exit = once(worker, 'exit', { signal }).then(() => {
        throw new OsproxyError('Internal', 'The checkpoint thread ended.');
      });
      worker.postMessage(request);
      const [answer] = (await Promise.race([message, exit])) as [CheckpointAnswer];
      if ('error' in answer) throw new OsproxyError('Internal', `The checkpoint failed: ${answer.error}`);
      return answer;
    } finally {
      controller.abort();
      worker.unref();
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), {
      workerData: { path: this.#path },
    });
    worker.unref();
    worker.on('error', (error) => {
      this.#logger.error({ err: error }, 'The checkpoint thread failed; it is started again when needed.');
    });
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }
}
