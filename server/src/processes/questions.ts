import type { Question, ToPrimary } from './messages.ts';

type Asking = Extract<ToPrimary, { kind: 'question' | 'answer' }>;

/** Questions to the process at the other end of a channel, and its answers. */
export class Questions {
  readonly #send: (message: Asking) => void;
  readonly #waiting = new Map<number, (value: unknown) => void>();
  #count = 0;

  /** `send` may lose a message; then the question has no answer. */
  constructor(send: (message: Asking) => void) {
    this.#send = send;
  }

  /** Never rejects: undefined where no answer came in time. */
  ask(question: Question, withinMs: number): Promise<unknown> {
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.answered(id, undefined), withinMs);
      this.#waiting.set(id, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
      this.#send({ kind: 'question', id, question });
    });
  }

  answered(id: number, value: unknown): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(value);
  }

  /** The other end is gone: every open question ends without an answer. */
  close(): void {
    for (const id of [...this.#waiting.keys()]) this.answered(id, undefined);
  }
}
