import { Worker } from 'node:worker_threads';
import { cancelled, throwIfCancelled } from '#core/cancellation.ts';
import { OsproxyError } from '#core/errors.ts';
import { PeerBody } from './peer-body.ts';
import type { AnswerHead, FromThread, PeerRequest, PeerTimeouts, ToThread } from './thread/protocol.ts';

/** A thread that keeps next to nothing; without limits V8 gives it room for much more. MiB. */
const THREAD_MEMORY = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 128 };

const TARGET = /^[\x21-\x7e]+$/;
const FIELD = /^[\x20-\x7e]+$/;

/** A connection that was kept open had been closed by the other side; nothing was done. */
export class StaleConnection extends Error {}

export interface PeerAnswer extends AnswerHead {
  /** All bytes, in memory that is the caller's; where the answer is small. */
  readonly bytes: Uint8Array | undefined;
  /** The bytes of any other answer; to be read or closed. Undefined also where the answer does not say how many they are. */
  readonly body: PeerBody | undefined;
}

interface Waiting {
  readonly signal: AbortSignal | undefined;
  readonly broken: (error: Error) => OsproxyError;
  readonly answered: (answer: PeerAnswer) => void;
  readonly failed: (error: Error) => void;
}

/**
 * The thread that speaks to the other nodes, so that receiving costs the event loop nothing but a message for each quarter of a mebibyte. It
 * starts with the first request; one that dies fails what it was asked and is replaced with the next request.
 */
export class PeerThread {
  readonly #timeouts: PeerTimeouts;
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #bodies = new Map<number, PeerBody>();
  #nextId = 1;
  #isClosed = false;

  constructor(timeouts: PeerTimeouts) {
    this.#timeouts = timeouts;
  }

  /** Resolves with the head of the answer, whose body may still be on its way. Rejects when there is none, or the signal fires before. */
  async ask(
    request: PeerRequest,
    { signal, broken }: Pick<Waiting, 'signal' | 'broken'>,
  ): Promise<PeerAnswer> {
    throwIfCancelled(signal, cancelled);
    if (this.#isClosed) throw new Error('The connections to other nodes are closed.');
    // Anything else could end the line it is written into.
    if (!TARGET.test(request.target) || !FIELD.test(request.authorization))
      throw new OsproxyError(
        'Internal',
        'A request to another node has characters that HTTP does not allow.',
      );
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<PeerAnswer>();
    this.#worker ??= this.#start();
    if (this.#waiting.size + this.#bodies.size === 0) this.#worker.ref();
    this.#waiting.set(id, { signal, broken, answered: resolve, failed: reject });
    this.#send({ kind: 'ask', id, request });
    const onAbort = (): void => {
      this.#leave(id);
      reject(new Error('The request was cancelled.'));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    return promise.finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /** Ends the thread and what it was asked. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const url = new URL('./thread/peer-worker.ts', import.meta.url);
    const worker = new Worker(url, {
      workerData: { timeouts: this.#timeouts },
      resourceLimits: THREAD_MEMORY,
    });
    let reason = new Error('The thread that speaks to other nodes ended.');
    worker.unref();
    worker.on('message', (message: FromThread) => this.#hear(message));
    worker.on('error', (error) => {
      reason = error instanceof Error ? error : new Error(String(error));
    });
    worker.on('exit', () => {
      this.#worker = undefined;
      for (const id of [...this.#waiting.keys(), ...this.#bodies.keys()]) this.#fail(id, reason);
    });
    return worker;
  }

  #hear(message: FromThread): void {
    const { id } = message;
    switch (message.kind) {
      case 'head':
        this.#onHead(id, message.head, message.whole);
        return;
      case 'piece': {
        const { piece } = message;
        const body = this.#bodies.get(id);
        if (body === undefined) this.#send({ kind: 'taken', id, memory: piece.memory });
        else body.arrive(piece);
        if (body?.isWhole) this.#forget(id);
        return;
      }
      case 'failed':
        this.#fail(id, message.stale ? new StaleConnection(message.message) : new Error(message.message));
    }
  }

  #onHead(id: number, head: AnswerHead, whole: ArrayBuffer | undefined): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    const { signal, broken, answered } = waiting;
    const { length } = head;
    const bytes = whole && new Uint8Array(whole);
    if (bytes !== undefined || length === undefined) {
      this.#forget(id);
      answered({ ...head, bytes, body: undefined });
      return;
    }
    const give = (memory: ArrayBuffer): void => this.#send({ kind: 'taken', id, memory });
    const leave = (): void => this.#leave(id);
    const body = new PeerBody({ length, signal, broken, give, leave });
    this.#bodies.set(id, body);
    this.#waiting.delete(id);
    answered({ ...head, bytes, body });
  }

  #fail(id: number, error: Error): void {
    const waiting = this.#waiting.get(id);
    const body = this.#bodies.get(id);
    this.#forget(id);
    waiting?.failed(error);
    body?.fail(error);
  }

  #leave(id: number): void {
    if (!this.#waiting.has(id) && !this.#bodies.has(id)) return;
    this.#send({ kind: 'end', id });
    this.#forget(id);
  }

  #forget(id: number): void {
    this.#waiting.delete(id);
    this.#bodies.delete(id);
    if (this.#waiting.size + this.#bodies.size === 0) this.#worker?.unref();
  }

  #send(message: ToThread): void {
    this.#worker?.postMessage(message, message.kind === 'taken' ? [message.memory] : []);
  }
}
