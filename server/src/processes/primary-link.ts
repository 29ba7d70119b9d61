import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { NodeLoad } from '#core/model/lease.ts';
import type { FirstSteps } from '../commands/first-steps.ts';
import type { Beginning, Question, ToPrimary, ToWorker } from './messages.ts';
import { Questions } from './questions.ts';

const ANSWER_WITHIN_MS = 5000;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** The primary as a worker sees it. There is one in a process, from its start on. */
export class PrimaryLink {
  readonly begun = Promise.withResolvers<Beginning>();
  readonly #listen = Promise.withResolvers<string>();
  readonly #stop = Promise.withResolvers<string>();
  readonly #unready = Promise.withResolvers<void>();
  readonly #speak = Promise.withResolvers<void>();
  readonly #questions = new Questions((message) => this.#send(message));
  readonly #toldListeners: ((topic: string, message: string) => void)[] = [];
  #take: ((socket: Socket) => void) | undefined;
  #metrics: () => Promise<unknown> = async () => undefined;
  #load: () => NodeLoad | undefined = () => undefined;
  #beginning: Beginning | undefined;
  #url = '';

  constructor() {
    // A terminal and a service manager send a signal to every process of the group; the primary decides for all.
    for (const signal of SIGNALS) process.on(signal, () => {});
    process.on(
      'message',
      (message: ToWorker, socket) => void this.#hear(message, socket as Socket | undefined),
    );
    process.once('disconnect', () => {
      this.#questions.close();
      this.#stop.resolve('the primary process is gone');
    });
  }

  /** Resolves with the address when the primary listens. */
  get listen(): Promise<string> {
    return this.#listen.promise;
  }

  /** Resolves with the reason when this process shall end. */
  get stop(): Promise<string> {
    return this.#stop.promise;
  }

  /** Resolves when this process shall say that it is not ready. */
  get unready(): Promise<void> {
    return this.#unready.promise;
  }

  get speaks(): boolean {
    return this.#beginning?.speaks ?? false;
  }

  /** Resolves when this process shall speak for the node. */
  get speak(): Promise<void> {
    return this.#speak.promise;
  }

  get url(): string {
    return this.#url;
  }

  get startedAt(): number {
    return this.#beginning?.startedAt ?? 0;
  }

  prepared(steps: FirstSteps): void {
    this.#send({ kind: 'prepared', steps });
  }

  listening(): void {
    this.#send({ kind: 'listening' });
  }

  /** Resolves when the primary has been told. */
  async failed(sentences: readonly string[]): Promise<void> {
    if (!process.connected) return;
    await new Promise<void>((resolve) => {
      process.send?.({ kind: 'failed', sentences } satisfies ToPrimary, undefined, {}, () => resolve());
    });
  }

  /** Every connection from now on. */
  accept(take: (socket: Socket) => void): void {
    this.#take = take;
  }

  /** True when no other process of the node goes on; false when nobody can tell. */
  async isLast(): Promise<boolean> {
    return (await this.#questions.ask({ what: 'last' }, ANSWER_WITHIN_MS)) === true;
  }

  async tell(topic: string, message: string): Promise<void> {
    await this.#questions.ask({ what: 'hear', topic, message }, ANSWER_WITHIN_MS);
  }

  onTold(listener: (topic: string, message: string) => void): void {
    this.#toldListeners.push(listener);
  }

  /** How this process answers when another is asked for the metrics of the node. */
  answerMetrics(snapshot: () => Promise<unknown>): void {
    this.#metrics = snapshot;
  }

  /** Those of every process with `own` among them; undefined when the primary does not answer. */
  allMetrics(own: unknown): Promise<unknown> {
    return this.#questions.ask({ what: 'metrics', own }, ANSWER_WITHIN_MS);
  }

  /** How this process answers when another is asked for the load of the node. */
  answerLoad(load: () => NodeLoad): void {
    this.#load = load;
  }

  /** Those of the other processes that answer. */
  async loads(): Promise<readonly NodeLoad[]> {
    return ((await this.#questions.ask({ what: 'load' }, ANSWER_WITHIN_MS)) ?? []) as readonly NodeLoad[];
  }

  /** Ends the channel, which would keep this process alive. */
  async close(): Promise<void> {
    if (!process.connected) return;
    const disconnected = once(process, 'disconnect');
    process.disconnect();
    await disconnected;
  }

  #send(message: ToPrimary): void {
    if (process.connected) process.send?.(message, undefined, {}, () => {});
    else this.#questions.close();
  }

  async #hear(message: ToWorker, socket: Socket | undefined): Promise<void> {
    switch (message.kind) {
      case 'begin':
        this.#beginning = message;
        return this.begun.resolve(message);
      case 'listen':
        this.#url = message.url;
        return this.#listen.resolve(message.url);
      case 'connection':
        this.#send({ kind: 'taken' });
        // Its client may have gone on the way.
        if (socket !== undefined) this.#receive(socket);
        return;
      case 'unready':
        return this.#unready.resolve();
      case 'speak':
        return this.#speak.resolve();
      case 'stop':
        return this.#stop.resolve('the primary process asked for it');
      case 'answer':
        return this.#questions.answered(message.id, message.value);
      case 'question': {
        const value = await this.#answer(message.question).catch(() => undefined);
        return this.#send({ kind: 'answer', id: message.id, value });
      }
    }
  }

  #receive(socket: Socket): void {
    if (this.#take === undefined) {
      socket.destroy();
      return;
    }
    // As sockets are that an HTTP server accepts itself.
    socket.allowHalfOpen = true;
    this.#take(socket);
    socket.resume();
  }

  async #answer(question: Question): Promise<unknown> {
    if (question.what === 'metrics') return this.#metrics();
    if (question.what === 'load') return this.#load();
    if (question.what === 'hear')
      for (const hear of this.#toldListeners) hear(question.topic, question.message);
    return true;
  }
}
