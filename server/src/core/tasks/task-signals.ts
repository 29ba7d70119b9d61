import type { Coordinator } from '../ports/coordinator.ts';
import type { Logger } from '../ports/logger.ts';

const TOPIC = 'tasks';
const DUE = 'due';
const CANCEL = 'cancel ';
/** Messages that say the same are sent at most so often. */
const GATHER_MS = 100;

export interface TaskListener {
  /** Somebody else has tasks that are due and that it cannot start itself. */
  due(): void;
  /** Somebody asked for the end of this task. */
  cancel(id: string): void;
}

/** What processes tell each other of tasks, to be quick: all of it stands in the database too, where each looks every now and then. */
export class TaskSignals {
  readonly #coordinator: Coordinator;
  readonly #logger: Logger;
  readonly #sending = new Set<Promise<void>>();
  #waiting: NodeJS.Timeout | undefined;
  #again = false;

  constructor(options: { coordinator: Coordinator; logger: Logger }) {
    this.#coordinator = options.coordinator;
    this.#logger = options.logger;
  }

  /** Returns the function that ends it. */
  listen(listener: TaskListener): () => void {
    return this.#coordinator.subscribe(TOPIC, (message) => {
      if (message === DUE) listener.due();
      else if (message.startsWith(CANCEL)) listener.cancel(message.slice(CANCEL.length));
    });
  }

  tellDue(): void {
    if (this.#waiting !== undefined) {
      this.#again = true;
      return;
    }
    this.#send(DUE);
    this.#waiting = setTimeout(() => {
      this.#waiting = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.tellDue();
    }, GATHER_MS);
    this.#waiting.unref();
  }

  tellCancel(id: string): void {
    this.#send(`${CANCEL}${id}`);
  }

  /** Sends what waits and resolves when everything is sent. */
  async close(): Promise<void> {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    if (this.#again) this.#send(DUE);
    this.#again = false;
    await Promise.all(this.#sending);
  }

  #send(message: string): void {
    const sending = this.#coordinator
      .publish(TOPIC, message)
      .catch((error: unknown) => {
        this.#logger.warn(
          { err: error },
          'other processes could not be told of a task; they find it themselves',
        );
      })
      .finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }
}
