import type { CoordinationQueries } from '#core/ports/metadata/coordination.ts';

interface Message {
  readonly id: number;
  readonly topic: string;
  readonly message: string;
}

const AT_ONCE = 500;
/** How far before the last message one may still be uncommitted when the inbox opens. */
const LOOK_BACK = 1000;
/** Longer than a transaction that publishes can last; an id that is missing for longer was never used. */
const MISSING_MS = 120_000;
/** Ids that are looked for at most; those that have been missing longest go first. */
const MISSING_LIMIT = 10_000;

/**
 * The messages that appear after it was opened, each once. A database gives out ids before it commits, so that a message may appear after
 * others with greater ids: every id that was passed over is looked for again until no transaction can still hold it.
 */
export class Inbox {
  readonly #queries: CoordinationQueries;
  #last: number;
  /** Ids that were passed over, with the time when, oldest first. */
  readonly #missing = new Map<number, number>();

  static async open(queries: CoordinationQueries): Promise<Inbox> {
    const last = await queries.lastMessageId();
    const inbox = new Inbox(queries, Math.max(0, last - LOOK_BACK));
    // What was there before is not told; what is missing among it may be on its way.
    for (;;) {
      const messages = await queries.messages(inbox.#last, AT_ONCE);
      for (const { id } of messages) if (id <= last) inbox.#pass(id);
      const end = messages.at(-1);
      if (end === undefined || end.id >= last || messages.length < AT_ONCE) break;
    }
    return inbox;
  }

  private constructor(queries: CoordinationQueries, last: number) {
    this.#queries = queries;
    this.#last = last;
  }

  /** What is new since it was asked last; ends when nothing more is there. */
  async *news(): AsyncGenerator<Message> {
    yield* this.#late();
    for (;;) {
      const messages = await this.#queries.messages(this.#last, AT_ONCE);
      for (const message of messages) {
        this.#pass(message.id);
        yield message;
      }
      if (messages.length < AT_ONCE) return;
    }
  }

  async *#late(): AsyncGenerator<Message> {
    const now = performance.now();
    for (const [id, since] of this.#missing) {
      if (now - since <= MISSING_MS && this.#missing.size <= MISSING_LIMIT) break;
      this.#missing.delete(id);
    }
    const ids = [...this.#missing.keys()];
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      for (const message of await this.#queries.messagesAmong(ids.slice(start, start + AT_ONCE))) {
        this.#missing.delete(message.id);
        yield message;
      }
    }
  }

  /** Goes on to this id and notes those between. */
  #pass(id: number): void {
    const now = performance.now();
    for (let missing = Math.max(this.#last + 1, id - MISSING_LIMIT); missing < id; missing++) {
      this.#missing.set(missing, now);
    }
    this.#last = id;
  }
}
